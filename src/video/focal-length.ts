import type { Picture } from './picture.ts';

/** Of a frame of 35 mm film, in millimetres: what the equivalent focal length refers to (CIPA DCG-001). */
const FILM_DIAGONAL = Math.hypot(36, 24);

/**
 * Degrees across a picture, by the focal length that its EXIF tells (FocalLengthIn35mmFilm, tag 0xa405); undefined where it tells none.
 * The picture counts as uncropped.
 */
export async function fieldOfViewOf(picture: Picture): Promise<number | undefined> {
  const { width, height } = picture;
  const text = await picture.read(async (frame) => {
    const tags = Object.entries(frame.getMetadata()?.getAll() ?? {});
    return tags.find(([name]) => /(^|\/)FocalLengthIn35mmFilm$/.test(name))?.[1];
  });
  const focal = Number(text);
  // 0 stands for unknown.
  if (text === undefined || !(focal > 0 && focal < 10_000)) return undefined;
  const pixels = (focal / FILM_DIAGONAL) * Math.hypot(width, height);
  return (360 / Math.PI) * Math.atan(width / 2 / pixels);
}
