import { readdir } from 'node:fs/promises';

/** What Linux calls it, in FFmpeg's words, and what somebody can do about it. */
const CAUSES: readonly (readonly [RegExp, string])[] = [
  [/Permission denied/, "the server's user may not open it: add it to the group video"],
  [/Operation not permitted/, 'this container was not given it: start it with --device'],
  [/Device or resource busy/, 'another program has the camera'],
  [/Inappropriate ioctl/, 'it is no camera, or not that number of it that gives pictures: most have several'],
  [/No such device(?! or address)/, 'it was unplugged'],
  [
    /Invalid argument/,
    'it has no such mode (pictureSize, fps, inputFormat): v4l2-ctl --list-formats-ext names its modes',
  ],
];

/**
 * Says of a V4L2 device what is to be done.
 * @param problem as FFmpeg tells it
 * @param found cameras of this machine, by their paths
 */
export function deviceProblem(problem: string, found: readonly string[]): string {
  if (/No such file or directory/.test(problem))
    return found.length > 0
      ? `${problem}: there are ${found.join(', ')}`
      : `${problem}: there is no /dev/video*, so no camera is plugged in, its driver is not loaded (of USB cameras: uvcvideo), or this container was not given it (--device)`;
  const [, cause] = CAUSES.find(([pattern]) => pattern.test(problem)) ?? [];
  return cause === undefined ? problem : `${problem}: ${cause}`;
}

/** Paths of this machine's cameras. */
export async function findCameras(): Promise<string[]> {
  const names = await readdir('/dev').catch(() => []);
  return names.filter((name) => /^video\d+$/.test(name)).map((name) => `/dev/${name}`);
}
