import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { glob } from 'tinyglobby';
import { DepthcastError } from '../errors.ts';
import { readImage } from '../video/image-reader.ts';
import type { MediaInfo, TimedPicture } from '../video/media-info.ts';
import type { FileSource } from './source.ts';

/** Endings of images that FFmpeg reads. */
const IMAGE =
  /\.(a?png|jpe?g|jpe|jfif|webp|bmp|dib|tiff?|exr|dpx|p[abgnpf]m|pfm|phm|jxl|avif|heic|heif|hif|gif|tga|jp2|j2k|jpf|j2c|hdr|qoi|pcx|sgi|rgb|ras|sun|xbm|xpm|psd|ico|fits?)$/i;
/** Names that a list of them gives before it only counts. */
const MAX_NAMES = 5;
/** Images that cannot be read, named one by one. */
const MAX_UNREADABLE = 20;

/** Images as a video, in the natural order of their names: 2 before 10. */
export class ImageSource implements FileSource {
  readonly info: MediaInfo;
  readonly problems = new Set<string>();
  readonly notes = new Set<string>();
  readonly #paths: readonly string[];
  readonly #fps: number;
  #first: TimedPicture['picture'] | undefined;
  #next: number;
  #unreadable = 0;
  #several: string[] = [];
  #stopped = false;

  private constructor(paths: readonly string[], fps: number) {
    this.#paths = paths;
    this.#fps = fps;
    this.#next = 0;
    const fraction = { num: Math.round(fps * 1000), den: 1000 };
    const aspect = { num: 0, den: 1 };
    this.info = {
      width: 0,
      height: 0,
      fps: fraction,
      frames: paths.length,
      codec: 'unknown',
      container: 'images',
      aspect,
    };
  }

  /**
   * @param pattern a folder, or a glob
   * @throws DepthcastError BAD_VIDEO when it names no image, or none of them can be read
   */
  static async open(pattern: string, fps: number): Promise<ImageSource> {
    const isFolder = (await stat(pattern).catch(() => undefined))?.isDirectory() ?? false;
    const options = { absolute: true, expandDirectories: false, onlyFiles: false };
    const found = isFolder ? await glob('*', { ...options, cwd: pattern }) : await glob(pattern, options);
    const order = new Intl.Collator('en', { numeric: true });
    found.sort((a, b) => order.compare(a, b));
    // Folders end with a slash, and are no images whatever their names.
    const paths = found.filter((path) => IMAGE.test(path));
    const others = found.filter((path) => !IMAGE.test(path));
    if (paths.length === 0) {
      const there = others.length > 0 ? `; there are ${list(others)}` : '';
      throw new DepthcastError('BAD_VIDEO', { detail: `${pattern} names no images${there}` });
    }
    const source = new ImageSource(paths, fps);
    if (others.length > 0) source.notes.add(`left out, by their names no images: ${list(others)}`);
    await source.#begin(pattern);
    return source;
  }

  /** One that cannot be read is passed over, and told. */
  async read(): Promise<TimedPicture | undefined> {
    for (;;) {
      const index = this.#next++;
      const path = this.#paths[index];
      if (path === undefined || this.#stopped) return undefined;
      const picture = this.#first ?? (await this.#image(path))?.picture;
      this.#first = undefined;
      if (picture) return { picture, time: index / this.#fps };
    }
  }

  interrupt(): void {
    this.#stopped = true;
  }

  close(): void {
    this.#stopped = true;
    this.#first?.close();
    this.#first = undefined;
  }

  /** Learns from the first image that can be read what all are to be like. */
  async #begin(pattern: string): Promise<void> {
    for (; this.#next < this.#paths.length; this.#next++) {
      const image = await this.#image(this.#paths[this.#next]!);
      if (image === undefined) continue;
      this.#first = image.picture;
      const { fps, frames } = this.info;
      Object.assign(this.info, { ...image.info, fps, frames });
      return;
    }
    const why = [...this.problems].slice(0, MAX_NAMES).join('; ');
    throw new DepthcastError('BAD_VIDEO', { detail: `no image of ${pattern} can be read: ${why}` });
  }

  async #image(path: string): Promise<{ picture: TimedPicture['picture']; info: MediaInfo } | undefined> {
    try {
      const { picture, info, problems, several } = await readImage(path);
      for (const problem of problems) this.#unread(`${path}: ${problem}`);
      if (several) this.#holdsSeveral(path);
      if (picture) return { picture, info };
      if (problems.size === 0) this.#unread(`${path} holds no picture`);
    } catch (thrown) {
      this.#unread(`${path}: ${(thrown as Error).message}`);
    }
    return undefined;
  }

  #holdsSeveral(path: string): void {
    this.notes.delete(several(this.#several));
    this.#several.push(path);
    this.notes.add(several(this.#several));
  }

  #unread(problem: string): void {
    this.#unreadable++;
    if (this.#unreadable <= MAX_UNREADABLE) this.problems.add(problem);
    else {
      this.problems.delete(more(this.#unreadable - 1));
      this.problems.add(more(this.#unreadable));
    }
  }
}

const more = (count: number): string => `and ${count - MAX_UNREADABLE} more images cannot be read as they should`;
const several = (paths: readonly string[]): string => `only the first picture is taken of ${list(paths)}`;

function list(paths: readonly string[]): string {
  const names = paths.slice(0, MAX_NAMES).map((path) => basename(path) + (path.endsWith('/') ? '/' : ''));
  return names.join(', ') + (paths.length > MAX_NAMES ? ` and ${paths.length - MAX_NAMES} more` : '');
}
