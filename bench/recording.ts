// What a recorded frame costs the main thread and the process, in CPU time: depth of 256x192 in metres, a picture of 640x480. Linux.
// npx tsx bench/recording.ts
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { McapRecorder } from '../src/sinks/mcap/mcap-recorder.ts';
import { LiveDepth } from '../src/stream/live-depth.ts';
import { readSchedule } from '../src/webrtc/index.ts';
import { depthMap, seeded } from '../test/depth-map.ts';
import { pictureOf } from '../test/pictures.ts';

const FRAMES = 200;
const [width, height] = [256, 192];
/** Milliseconds of the main thread, and of all threads. */
const cpu = () => {
  const main = (readSchedule()?.[0] ?? Number.NaN) / 1e6;
  const { user, system } = process.cpuUsage();
  return { main, all: (user + system) / 1000 };
};

const folder = mkdtempSync(join(tmpdir(), 'bench-recording-'));
const maps = Array.from({ length: 8 }, (_, i) => depthMap(width, height, 1e-3, 1, i / 15));
const random = seeded(7);
const pictures = Array.from({ length: 4 }, (_, n) =>
  pictureOf({
    width: 640,
    height: 480,
    at: (x, y) => [128 + 90 * Math.sin((x + 9 * n) / 23) * Math.cos(y / 31) + 8 * random(), 128, 128],
  }),
);
const info = {
  epoch: 0,
  rtpTimestamp: 0,
  width,
  height,
  sourceWidth: 640,
  sourceHeight: 480,
  near: 1,
  far: 0,
} as const;
const intrinsics = { fx: 500, fy: 500, cx: 319.5, cy: 239.5, source: 'given' } as const;
const metric = { scale: 1, shift: 0, anchors: 4, variance: [0, 0, 0] } as never;
let sent = 0;
let next: (() => void) | undefined;
const recorder = new McapRecorder(
  { name: 'bench', folder, maxBytes: 2 ** 40, maxSeconds: 3600, reserveBytes: 0 },
  {
    sent: () => {
      sent++;
      next?.();
    },
    failed: (error) => {
      throw error;
    },
  },
);
const record = (frameId: number) =>
  new Promise<void>((resolve) => {
    next = resolve;
    const map = { values: maps[frameId % maps.length]!, release: () => {} } as never;
    const source = { picture: pictures[frameId % pictures.length]!, upsampling: 'off' } as const;
    const one = { ...info, frameId, unit: 'disparity' as const, intrinsics };
    recorder.push(new LiveDepth(map, one, undefined, metric, undefined, source));
  });
for (let i = 0; i < 40; i++) await record(i);
const before = cpu();
for (let i = 0; i < FRAMES; i++) await record(i);
const after = cpu();
recorder.close();
await recorder.ended();
const { file } = recorder.status;
console.log(`node ${process.version}, ${sent} frames, ${(statSync(file!).size / sent / 1024).toFixed(0)} KiB a frame`);
console.log(`main thread ${((after.main - before.main) / FRAMES).toFixed(2)} ms a frame`);
console.log(`all threads ${((after.all - before.all) / FRAMES).toFixed(2)} ms a frame`);
rmSync(folder, { recursive: true });
process.exit();
