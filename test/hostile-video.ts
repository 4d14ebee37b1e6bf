// The child process of src/video/hostile.test.ts: feeds decoders what no sender should send. Reports over IPC.
import fc from 'fast-check';
import { DepthcastError } from '../src/errors.ts';
import {
  type EncodedFrame,
  GrayEncoder,
  InputScaler,
  LiveDecoder,
  Picture,
  type VideoCodec,
} from '../src/video/index.ts';
import { depthMap } from './depth-map.ts';

async function encoded(codec: VideoCodec, count: number, width: number, height: number): Promise<EncodedFrame[]> {
  const encoder = await GrayEncoder.create({ codec, width, height, bitrate: 600_000, fps: 30 });
  const frames: EncodedFrame[] = [];
  for (let n = 0; n < count; n++) {
    const map = Uint8Array.from(depthMap(80, 60, 2e-3, 1, n / 30), (v) => 255 * v);
    frames.push(await encoder.encode(map, 80, 60, n * 3000, { keyframe: n % 7 === 0 }));
  }
  encoder.close();
  return frames;
}

type Damage = { frame: number; keyframe: boolean; flips: number[]; cut: number | null; garbage: Uint8Array | null };

const damage: fc.Arbitrary<Damage> = fc.record({
  frame: fc.nat(20),
  keyframe: fc.boolean(),
  flips: fc.array(fc.nat(), { maxLength: 8 }),
  cut: fc.option(fc.nat(), { freq: 3 }),
  garbage: fc.option(fc.uint8Array({ maxLength: 400 }), { freq: 4 }),
});

function damaged(original: EncodedFrame, { flips, cut, garbage, keyframe }: Damage): EncodedFrame {
  if (garbage) return { ...original, data: garbage, keyframe };
  const data = original.data.slice();
  // Half of the flips go into the first bytes, where headers live.
  for (const flip of flips)
    data[(flip >> 3) % (flip & 1 ? Math.min(40, data.length) : data.length)]! ^= 1 << (flip & 7);
  return { ...original, data: cut === null ? data : data.subarray(0, cut % data.length), keyframe };
}

async function fuzz(codec: VideoCodec): Promise<unknown> {
  const frames = [...(await encoded(codec, 14, 160, 120)), ...(await encoded(codec, 7, 96, 200))];
  const scaler = new InputScaler();
  const target = new Float32Array(3 * 28 * 28);
  let refused = 0;
  const uncoded: string[] = [];
  await fc.assert(
    fc.asyncProperty(fc.array(damage, { minLength: 1, maxLength: 12 }), fc.boolean(), async (damages, threaded) => {
      const decoder = await LiveDecoder.create(codec, { maxWidth: 1024, maxHeight: 1024, threads: threaded ? 2 : 1 });
      for (const each of damages) {
        const original = frames[each.frame]!;
        for (const frame of [original, damaged(original, each), frames[each.frame + 1] ?? original])
          try {
            const picture = await decoder.decode(frame);
            if (!picture) continue;
            if (picture.width > 1024 || picture.height > 1024) uncoded.push(`${picture.width}x${picture.height}`);
            await scaler.scaleInto(picture, target, 28, 28);
            picture.close();
          } catch (error) {
            refused++;
            if (!(error instanceof DepthcastError)) uncoded.push(String(error));
          }
      }
      decoder.close();
    }),
    { numRuns: 250 },
  );
  scaler.close();
  return { open: Picture.open, refused, uncoded };
}

async function leak(): Promise<unknown> {
  const frames = new Map<VideoCodec, EncodedFrame[]>();
  for (const codec of ['VP8', 'H264'] as const)
    frames.set(codec, [...(await encoded(codec, 14, 320, 240)), ...(await encoded(codec, 7, 640, 480))]);
  const round = async (codec: VideoCodec) => {
    const decoder = await LiveDecoder.create(codec);
    const scaler = new InputScaler();
    const encoder = await GrayEncoder.create({ codec, width: 320, height: 240, bitrate: 400_000, fps: 30 });
    const target = new Float32Array(3 * 126 * 98);
    for (const frame of frames.get(codec)!) {
      const picture = await decoder.decode(frame);
      await scaler.scaleInto(picture!, target, 126, 98);
      picture!.close();
      await encoder.encode(new Uint8Array(64 * 48).fill(frame.data[9]!), 64, 48, frame.rtpTimestamp);
    }
    await decoder.decode({ ...frames.get(codec)![0]!, data: new Uint8Array(20) }).catch(() => {});
    // Ends under way, as when a session breaks off.
    const pending = frames
      .get(codec)!
      .slice(0, 4)
      .map((frame) => decoder.decode(frame));
    const encoding = encoder.encode(new Uint8Array(64 * 48), 64, 48, 0);
    decoder.close();
    encoder.close();
    scaler.close();
    await Promise.all([...pending, encoding]);
  };
  const rounds = async (count: number) => {
    for (let n = 0; n < count; n++) await round(n % 2 ? 'VP8' : 'H264');
    for (let n = 0; n < 3; n++) {
      globalThis.gc?.();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return process.memoryUsage().rss / 2 ** 20;
  };
  const before = await rounds(40);
  const after = await rounds(160);
  return { open: Picture.open, grownMiB: after - before, rssMiB: after };
}

const part = process.argv[2];
const report = part === 'leak' ? await leak() : await fuzz(part as VideoCodec);
process.send?.(report);
process.disconnect?.();
if (!process.send) console.log(report);
