import { afterEach, describe, expect, it } from 'vitest';
import { pictureOf, planesOf } from '../../test/pictures.ts';
import { drawFrameCode, readFrameCode } from '../../test/support/load/frame-code.ts';
import { TrackReceiver } from '../../test/support/track-receiver.ts';
import { Metrics } from '../metrics/metrics.ts';
import type { Layout, Upsampling } from '../protocol/output.ts';
import { LiveDepth } from '../stream/live-depth.ts';
import { MatteControl } from '../stream/matte-control.ts';
import { type EncodedFrame, LiveDecoder, Picture, shadesOf } from '../video/index.ts';
import type { VideoSender } from '../webrtc/index.ts';
import { GrayTrack } from './gray-track.ts';
import { MatteShades } from './matte-shades.ts';

// Pictures and depth that each say, in pixels, which frame they are of: through the sink, an encoder, and a decoder.

const SIZE = { width: 320, height: 240 };
const MAP = { width: 160, height: 120 };

const metrics = new Metrics({ version: 'test', model: 'none', device: 'none' });
const tracks: GrayTrack[] = [];
afterEach(() => {
  for (const track of tracks.splice(0)) track.close();
  expect(Picture.open).toBe(0);
});

/** A frame's picture, coloured left and right, and its map, each with the frame's number in its lower edge. */
function frame(n: number, upsampling: Upsampling): LiveDepth {
  const luma = new Uint8Array(SIZE.width * SIZE.height).fill(100);
  drawFrameCode(luma, SIZE.width, SIZE.height, { stream: 1, frame: n });
  const picture = pictureOf({
    ...SIZE,
    at: (x, y) => [luma[y * SIZE.width + x]!, x < SIZE.width / 2 ? 90 : 160, 128],
  });
  const shades = new Uint8Array(MAP.width * MAP.height).fill(120);
  drawFrameCode(shades, MAP.width, MAP.height, { stream: 2, frame: n });
  const info = {
    frameId: n,
    epoch: 0,
    rtpTimestamp: 3000 * n,
    ...MAP,
    sourceWidth: SIZE.width,
    sourceHeight: SIZE.height,
    unit: 'disparity' as const,
    near: 235,
    far: 16,
  };
  const map = { values: Float32Array.from(shades), ...MAP, range: { near: 235, far: 16 }, release: () => {} };
  return new LiveDepth(map as never, info, undefined, undefined, undefined, { picture, upsampling });
}

function open(
  layout: Layout,
  matte?: MatteShades,
): { track: GrayTrack; receiver: TrackReceiver; settled: () => number; errors: Error[] } {
  const errors: Error[] = [];
  let settled = 0;
  const options = {
    codec: 'VP8',
    layout,
    minBitrate: 100_000,
    maxBitrate: 4_000_000,
    maxSide: 1280,
    metrics,
    matte,
  } as const;
  const track = new GrayTrack(options, {
    sent: () => settled++,
    failed: (error) => {
      errors.push(error);
      settled++;
    },
  });
  tracks.push(track);
  const receiver = new TrackReceiver();
  track.add(receiver as unknown as VideoSender);
  return { track, receiver, settled: () => settled, errors };
}

const until = async (done: () => boolean) => {
  while (!done()) await new Promise((resolve) => setTimeout(resolve, 1));
};

/** Decodes what a receiver got, in order, and hands over the planes. */
async function decoded(frames: readonly EncodedFrame[], look: (planes: Uint8Array[], picture: Picture) => void) {
  const decoder = await LiveDecoder.create('VP8');
  for (const one of frames) {
    const picture = await decoder.decode(one);
    look(await planesOf(picture!), picture!);
    picture!.close();
  }
  decoder.close();
}

describe.each(['stacked', 'side-by-side'] as const)('the picture and its depth in one video (%s)', (layout) => {
  it.each<Upsampling>(['off', 'fast'])(
    'are of the same frame, also when frames are dropped (enlarging %s)',
    async (upsampling) => {
      const { track, receiver, settled, errors } = open(layout);
      // In bursts, so that frames lose their place.
      for (let n = 0; n < 120; n++) {
        const depth = frame(n, upsampling);
        track.push(depth);
        depth.release();
        if (n % 4 === 3) {
          const before = settled();
          await until(() => settled() > before);
        }
      }
      await until(() => receiver.frames.at(-1)?.rtpTimestamp === 3000 * 119);
      expect(errors).toEqual([]);
      expect(receiver.frames.length).toBeLessThan(120);
      const numbers: (readonly [number, number | undefined, number | undefined])[] = [];
      const { width, height } = SIZE;
      await decoded(receiver.frames, ([luma, cb], picture) => {
        expect([picture.width, picture.height]).toEqual(
          layout === 'stacked' ? [width, 2 * height] : [2 * width, height],
        );
        const stride = picture.width;
        const second = layout === 'stacked' ? luma!.subarray(stride * height) : luma!.subarray(width);
        const colour = readFrameCode(luma!, stride, width, height);
        const depth = readFrameCode(second, stride, width, height);
        expect([colour?.stream, depth?.stream]).toEqual([1, 2]);
        numbers.push([picture.rtpTimestamp, colour?.frame, depth?.frame]);
        // Colour is the picture's, depth has none.
        const chroma = (x: number, y: number) => cb![(y >> 1) * (stride >> 1) + (x >> 1)]!;
        expect(chroma(40, 100)).toBeCloseTo(90, -1);
        expect(chroma(280, 100)).toBeCloseTo(160, -1);
        expect(layout === 'stacked' ? chroma(40, height + 100) : chroma(width + 40, 100)).toBeCloseTo(128, -1);
      });
      for (const [timestamp, colour, depth] of numbers)
        expect([colour, depth]).toEqual([timestamp / 3000, timestamp / 3000]);
    },
  );
});

it('depth in colours is painted as its map of colours says', async () => {
  const { track, receiver, settled, errors } = open('colour-map');
  const depth = frame(1, 'best');
  track.push(depth);
  depth.release();
  await until(() => settled() === 1);
  expect(errors).toEqual([]);
  await decoded(receiver.frames, ([luma, cb, cr], picture) => {
    expect([picture.width, picture.height]).toEqual([320, 240]);
    // The middle of inferno is red.
    const at = 100 * 160 + 80;
    expect(cr![at]).toBeGreaterThan(150);
    expect(cb![at]).toBeLessThan(128);
    expect(luma![200 * 320 + 100]).toBeGreaterThan(60);
  });
});

it('two tracks of a stream share one enlargement', async () => {
  const [one, two] = [open('depth'), open('stacked')];
  const depth = frame(5, 'fast');
  let made = 0;
  const { shared } = depth;
  depth.shared = ((key: string, make: () => Promise<never>) =>
    shared.call(depth, key, () => {
      made++;
      return make();
    })) as typeof depth.shared;
  for (const { track } of [one, two]) track.push(depth);
  depth.release();
  await until(() => one.settled() === 1 && two.settled() === 1);
  expect([one.errors, two.errors]).toEqual([[], []]);
  expect(made).toBe(1);
});

describe.each<Upsampling>(['off', 'best'])('a matte of a stream that enlarges depth by %s', (upsampling) => {
  it('is white where depth is, follows its settings at once, and is made once for all tracks', async () => {
    const control = new MatteControl();
    const shades = new MatteShades(control, shadesOf('matte'));
    const [alone, keyed, fill] = [open('matte', shades), open('matte-stacked', shades), open('fill')];
    const push = async (n: number) => {
      const depth = frame(n, upsampling);
      for (const { track } of [alone, keyed, fill]) track.push(depth);
      depth.release();
      await until(() => [alone, keyed, fill].every(({ settled }) => settled() === n + 1));
    };
    const set = async (near: number, far: number) => control.set({ ...control.settings, near, far }, { near, far });
    // The map is 120 of 16 to 235: 0.47 of the range.
    await set(1, 0.3);
    await push(0);
    await push(1);
    await set(1, 0.6);
    await push(2);
    expect([alone, keyed, fill].flatMap(({ errors }) => errors)).toEqual([]);
    const { width, height } = SIZE;
    const middle = 100 * width + 60;
    const [mattes, both, fills]: [number[], number[][], number[]] = [[], [], []];
    await decoded(alone.receiver.frames, ([luma], picture) => {
      expect([picture.width, picture.height]).toEqual([width, height]);
      mattes.push(luma![middle]!);
    });
    await decoded(keyed.receiver.frames, ([luma], picture) => {
      expect([picture.width, picture.height]).toEqual([width, 2 * height]);
      both.push([luma![middle]!, luma![height * width + middle]!]);
    });
    await decoded(fill.receiver.frames, ([luma], picture) => {
      expect([picture.width, picture.height]).toEqual([width, height]);
      fills.push(luma![middle]!);
    });
    const close = (value: number) => expect.closeTo(value, -1);
    expect(mattes).toEqual([close(235), close(235), close(16)]);
    expect(both).toEqual([235, 235, 16].map((matte) => [close(100), close(matte)]));
    expect(fills).toEqual([close(100), close(100), close(100)]);
  });
});
