// Streams a video to a depth server and writes every depth map that comes back: DEPTH.npy, which numpy.load reads, and
// DEPTH.jsonl with what belongs to each map. See README.md.
import { spawn } from 'node:child_process';
import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { DepthError, type ReceivedFrame } from 'depthcast-client';
import { connect, openPictures } from 'depthcast-client/node';
import { NpyWriter } from './npy-writer.ts';
import { readY4m } from './y4m.ts';

/** Depth maps that wait for the disk. */
const MAX_WAITING = 60;

const USAGE = `npm run example -- node-recorder --input VIDEO --out DEPTH [--server URL] [--token TOKEN] [--frames N]

  --input VIDEO   a y4m file, - for y4m on standard input, or whatever ffmpeg reads: a file, a URL, /dev/video0
  --out DEPTH     writes DEPTH.npy (float32 [frames, height, width]) and DEPTH.jsonl (a line for each frame)
  --frames N      ends after N depth maps; default: at the end of the video`;

const { values: options } = parseArgs({
  options: {
    input: { type: 'string' },
    out: { type: 'string' },
    server: { type: 'string', default: 'http://localhost:8080' },
    token: { type: 'string' },
    frames: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  },
});
if (options.help || !options.input || !options.out) {
  console.log(USAGE);
  process.exit(options.help ? 0 : 1);
}
const { input, out } = options;
const wanted = options.frames === undefined ? Number.POSITIVE_INFINITY : Number(options.frames);
if (!(wanted > 0)) fail(`--frames is a positive number, not ${options.frames}`);
for (const file of [`${out}.npy`, `${out}.jsonl`]) if (existsSync(file)) fail(`${file} is there already`);

const source = await openPictures(input).catch((error: DepthError) => fail(error.message));
const stop = new AbortController();
process.once('SIGINT', () => stop.abort());
process.once('SIGTERM', () => stop.abort());

let npy: NpyWriter | undefined;
const lines = createWriteStream(`${out}.jsonl`, { flags: 'wx' });
let writing = Promise.resolve();
let written = 0;
let skipped = 0;
let waiting = 0;

async function write(frame: ReceivedFrame): Promise<void> {
  const { values, width, height, receivedAt: _, bytes: __, ...info } = frame;
  npy ??= await NpyWriter.create(`${out}.npy`, width, height);
  // One array has one size; a map of another is told, not written.
  if (width !== npy.width || height !== npy.height || written >= wanted) {
    skipped++;
    return;
  }
  await npy.write(values);
  lines.write(`${JSON.stringify({ index: written, ...info })}\n`);
  written++;
  if (process.stdout.isTTY) process.stdout.write(`\r${written} depth maps of ${width}x${height}`);
  if (written >= wanted) stop.abort();
}

const session = await connect({
  server: options.server,
  source,
  output: { data: 'f16' },
  signal: stop.signal,
  ...(options.token === undefined ? {} : { token: options.token }),
  onDepth: (frame) => {
    // A disk that is too slow loses frames, not memory.
    if (waiting >= MAX_WAITING) skipped++;
    else {
      waiting++;
      writing = writing.then(() => write(frame)).finally(() => waiting--);
    }
  },
  onError: ({ message }) => console.error(message),
}).catch((error: DepthError) => fail(error.message));

try {
  for await (const picture of readY4m(openVideo())) {
    if (stop.signal.aborted) break;
    const began = performance.now();
    source.push(picture);
    await new Promise((resolve) =>
      setTimeout(resolve, Math.max(0, 1000 * picture.interval - (performance.now() - began))),
    );
  }
} catch (thrown) {
  fail(thrown instanceof DepthError || thrown instanceof Error ? thrown.message : String(thrown));
}
// What is still under way may come.
if (!stop.signal.aborted) await new Promise((resolve) => setTimeout(resolve, 1000));
session.close();
await writing;
await npy?.close();
await new Promise((resolve) => lines.end(resolve));
console.log(
  `\n${written} depth maps in ${out}.npy${skipped ? `; ${skipped} left out: of another size, too many, or the disk too slow` : ''}`,
);
process.exit(written > 0 ? 0 : 1);

/** Y4m as it is, anything else through ffmpeg. */
function openVideo(): AsyncIterable<Uint8Array> {
  if (input === '-') return process.stdin;
  if (input!.endsWith('.y4m')) return createReadStream(input!);
  const live = input!.startsWith('/dev/video') ? ['-f', 'v4l2'] : [];
  const args = ['-loglevel', 'error', ...live, '-i', input!, '-pix_fmt', 'yuv420p', '-f', 'yuv4mpegpipe', '-'];
  const ffmpeg = spawn('ffmpeg', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  ffmpeg.once('error', (error) => fail(`ffmpeg is needed to read ${input}: ${error.message}`));
  stop.signal.addEventListener('abort', () => ffmpeg.kill());
  return ffmpeg.stdout;
}

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}
