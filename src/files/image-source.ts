import { stat } from 'node:fs/promises';
import { glob } from 'tinyglobby';
import { DepthcastError } from '../errors.ts';
import { type MediaInfo, MediaReader, type TimedPicture } from '../video/media-reader.ts';
import type { FileSource } from './source.ts';

const IMAGE = /\.(png|jpe?g|webp|bmp|tiff?|exr|dpx|ppm|pgm|jxl|avif)$/i;

/** Images as a video, in the natural order of their names: 2 before 10. */
export class ImageSource implements FileSource {
  readonly info: MediaInfo;
  readonly problems = new Set<string>();
  readonly #paths: readonly string[];
  readonly #fps: number;
  #next = 0;
  #stopped = false;

  private constructor(paths: readonly string[], first: MediaInfo, fps: number) {
    this.#paths = paths;
    this.#fps = fps;
    const num = Math.round(fps * 1000);
    this.info = { ...first, fps: { num, den: 1000 }, frames: paths.length };
  }

  /**
   * @param pattern a folder, or a glob
   * @throws DepthcastError BAD_VIDEO when it names no image, or the first cannot be read
   */
  static async open(pattern: string, fps: number): Promise<ImageSource> {
    const isFolder = (await stat(pattern).catch(() => undefined))?.isDirectory() ?? false;
    const options = { absolute: true, expandDirectories: false };
    const found = isFolder ? await glob('*', { ...options, cwd: pattern }) : await glob(pattern, options);
    const order = new Intl.Collator('en', { numeric: true });
    const paths = found.filter((path) => IMAGE.test(path)).sort((a, b) => order.compare(a, b));
    if (paths.length === 0) throw new DepthcastError('BAD_VIDEO', { detail: `${pattern} names no images` });
    const reader = await MediaReader.open(`file:${paths[0]}`);
    const { info } = reader;
    reader.close();
    return new ImageSource(paths, info, fps);
  }

  /** One that cannot be read is passed over, and told. */
  async read(): Promise<TimedPicture | undefined> {
    for (;;) {
      const index = this.#next++;
      const path = this.#paths[index];
      if (path === undefined || this.#stopped) return undefined;
      const picture = await this.#image(path);
      if (picture) return { picture, time: index / this.#fps };
    }
  }

  interrupt(): void {
    this.#stopped = true;
  }

  close(): void {
    this.#stopped = true;
  }

  async #image(path: string): Promise<TimedPicture['picture'] | undefined> {
    let reader: MediaReader | undefined;
    try {
      reader = await MediaReader.open(`file:${path}`);
      const image = await reader.read();
      for (const problem of reader.problems) this.problems.add(problem);
      if (image) return image.picture;
      this.problems.add(`${path} holds no picture`);
    } catch (thrown) {
      this.problems.add(`${path}: ${(thrown as Error).message}`);
    } finally {
      reader?.close();
    }
    return undefined;
  }
}
