import type { I420Picture } from 'depthcast-client/node';

/** A line of the header, or before a frame, is not longer than this. */
const MAX_LINE = 512;

export interface Y4mPicture extends I420Picture {
  /** Seconds from one picture to the next. */
  interval: number;
}

/**
 * Reads YUV4MPEG2, which `ffmpeg -f yuv4mpegpipe -pix_fmt yuv420p` writes: pictures of 4:2:0, one after the other.
 * @throws Error that says what is wrong with it
 */
export async function* readY4m(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Y4mPicture> {
  const iterator = chunks[Symbol.asyncIterator]();
  let held = Buffer.alloc(0);
  const more = async (): Promise<boolean> => {
    const { value, done } = await iterator.next();
    if (!done) held = Buffer.concat([held, value]);
    return !done;
  };
  const line = async (): Promise<string | undefined> => {
    for (;;) {
      const end = held.indexOf('\n');
      if (end >= 0) {
        const text = held.toString('latin1', 0, end);
        held = held.subarray(end + 1);
        return text;
      }
      if (held.length > MAX_LINE) throw new Error('this is no YUV4MPEG2 video');
      if (!(await more())) return undefined;
    }
  };
  const header = (await line()) ?? '';
  const field = (name: string) =>
    header
      .split(' ')
      .find((part) => part.startsWith(name))
      ?.slice(1);
  const [width, height] = [Number(field('W')), Number(field('H'))];
  const [rate = 30, scale = 1] = (field('F') ?? '').split(':').map(Number);
  if (!header.startsWith('YUV4MPEG2') || !(width > 0 && height > 0)) throw new Error('this is no YUV4MPEG2 video');
  if (!(field('C') ?? '420').startsWith('420') || /420p\d\d/.test(field('C') ?? '') || width % 2 || height % 2)
    throw new Error(`pictures must be 8-bit 4:2:0 with even sides: ffmpeg -pix_fmt yuv420p; these are ${header}`);
  const bytes = (width * height * 3) / 2;
  while ((await line())?.startsWith('FRAME')) {
    while (held.length < bytes) if (!(await more())) return;
    yield { width, height, data: Uint8Array.from(held.subarray(0, bytes)), interval: scale / rate };
    held = held.subarray(bytes);
  }
}
