import * as av from 'node-av';
import type { MediaInfo } from './media-info.ts';
import { type MediaOptions, MediaReader } from './media-reader.ts';
import type { Picture } from './picture.ts';

/** What an image file holds. */
export interface ImageFile {
  /** Its first picture, in the shape in which it is shown; undefined where none can be decoded. Whoever gets it closes it. */
  picture: Picture | undefined;
  info: MediaInfo;
  /** What is wrong with it, for people. */
  problems: ReadonlySet<string>;
  /** There is more than the first picture. */
  several: boolean;
}

/**
 * Reads an image of any kind that FFmpeg knows.
 * @throws DepthcastError BAD_VIDEO when nothing is there or it cannot be opened; PICTURE_TOO_LARGE
 */
export async function readImage(
  path: string,
  options: Pick<MediaOptions, 'maxSide' | 'strict'> = {},
): Promise<ImageFile> {
  const reader = await MediaReader.open(`file:${path}`, options);
  try {
    const first = await reader.read();
    const second = first && (await reader.read());
    second?.picture.close();
    const { info, problems } = reader;
    return { picture: first?.picture, info, problems, several: second !== undefined };
  } finally {
    reader.close();
  }
}

/** [height * width] codes of a picture that is gray with 16 bits; undefined of any other. */
export function gray16Of(picture: Picture): Promise<Uint16Array | undefined> {
  return picture.read(async ({ format, data, linesize, width, height }) => {
    if (format !== av.AV_PIX_FMT_GRAY16BE) return undefined;
    const [plane, stride] = [data![0]!, linesize[0]!];
    const codes = new Uint16Array(width * height);
    for (let y = 0, i = 0; y < height; y++)
      for (let x = 0, at = y * stride; x < width; x++, i++, at += 2) codes[i] = (plane[at]! << 8) | plane[at + 1]!;
    return codes;
  });
}
