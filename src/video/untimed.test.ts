import * as av from 'node-av';
import { expect, it } from 'vitest';
import { nalUnits } from './bitstream.ts';
import { LiveDecoder } from './decoder.ts';
import { LayoutEncoder } from './layout-encoder.ts';
import { untimed } from './untimed.ts';

const shades = { data: new Uint8Array(640 * 480).fill(128), width: 640, height: 480 };

/** What FFmpeg reads of the parameters of a keyframe. */
async function framerateOf(data: Uint8Array): Promise<number> {
  const context = new av.CodecContext();
  context.allocContext3(av.Codec.findDecoder(av.AV_CODEC_ID_H264)!);
  expect(await context.open2(null, null)).toBe(0);
  const packet = new av.Packet();
  packet.alloc();
  packet.data = Buffer.from(data);
  expect(await context.sendPacket(packet)).toBe(0);
  const { num, den } = context.framerate;
  context.freeContext();
  packet.free();
  return num / den;
}

// Cropped and not, labelled and not: other fields before what is taken out.
it.each([
  [640, 480, true],
  [640, 480, false],
  [322, 182, true],
  [1920, 1080, true],
])(
  'a keyframe of %i x %i (colours told: %s) promises no frame rate, and shows the same',
  async (width, height, labelled) => {
    const options = { codec: 'H264', width, height, bitrate: 2_000_000, fps: 30, labelled } as const;
    const encoder = await LayoutEncoder.create('depth', options);
    const frame = await encoder.encode(shades, undefined, 0, { keyframe: true });
    encoder.close();
    const data = untimed(frame.data);
    expect(await framerateOf(frame.data)).toBe(30);
    expect(await framerateOf(data)).toBe(0);
    const [before, after] = [[...nalUnits(frame.data)], [...nalUnits(data)]];
    expect(after.length).toBe(before.length);
    const decoder = await LiveDecoder.create('H264');
    const picture = (await decoder.decode({ ...frame, data }))!;
    expect([picture.width, picture.height]).toEqual([width, height]);
    picture.close();
    decoder.close();
    expect(untimed(data)).toBe(data);
  },
);
