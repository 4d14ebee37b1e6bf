// node --import tsx scripts/demo-clip.mjs: renders client/public/table.webm, the synthetic scene that the first page shows
// while no camera is chosen. A film loads at once and plays on a phone, where rendering takes seconds and a whole core. Needs ffmpeg
// with libvpx-vp9; the film is committed, so that a build needs neither.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createScene } from '../src/scene/scene.ts';
import { y4mFrame, y4mFrameSize, y4mHeader } from '../src/scene/y4m.ts';
import { ROOT } from './lib.mjs';

const [WIDTH, HEIGHT, FPS] = [960, 540, 24];
/** The camera swings there and back in 20 s of the scene; the film does so in these seconds, and begins anew without a jump. */
const SWING = 20;
const SECONDS = 15;
const FILE = join(ROOT, 'client/public/table.webm');

const scene = createScene('tabletop', { width: WIDTH, height: HEIGHT });
const encode = `-c:v libvpx-vp9 -crf 37 -b:v 0 -deadline good -cpu-used 1 -row-mt 1 -g 360 -pix_fmt yuv420p -an`.split(
  ' ',
);
const args = ['-v', 'error', '-y', '-f', 'yuv4mpegpipe', '-i', '-', ...encode, '-fflags', '+bitexact', FILE];
const ffmpeg = spawn('ffmpeg', args, { stdio: ['pipe', 'inherit', 'inherit'] });
const ended = once(ffmpeg, 'exit');
ffmpeg.stdin.write(y4mHeader(WIDTH, HEIGHT, FPS));
const frames = SECONDS * FPS;
let target;
for (let n = 0; n < frames; n++) {
  target = scene.render((n / frames) * SWING, target);
  const piece = y4mFrame(target.rgba, WIDTH, HEIGHT, new Uint8Array(y4mFrameSize(WIDTH, HEIGHT)));
  if (!ffmpeg.stdin.write(piece)) await once(ffmpeg.stdin, 'drain');
}
ffmpeg.stdin.end();
const [code] = await ended;
const { fx, width = WIDTH } = { ...scene.intrinsics };
console.log(`${FILE}: horizontal field of view ${((360 / Math.PI) * Math.atan(width / 2 / fx)).toFixed(2)} degrees`);
process.exit(code ?? 1);
