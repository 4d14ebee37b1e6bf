// Reads one source in a process of its own, as FFmpeg waits for the network in threads that all streams share, and so that what
// hostile or broken media does to a decoder is done to this process alone. It ends with its source, or when the server goes.
import '../../child-signals.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DepthcastError } from '../../errors.ts';
import { FrameConverter } from '../../video/frame-converter.ts';
import type { TimedPicture } from '../../video/media-info.ts';
import { MediaReader } from '../../video/media-reader.ts';
import { deviceProblem, findCameras } from './device-problem.ts';
import type { NextRequest, PictureMessage, ReaderMessage, ReadRequest } from './pull-protocol.ts';

/** A paced source that is this many seconds late, or early, begins its pace anew: its clock jumped, or it was stalled. */
const MAX_LATE = 1;
const MAX_EARLY = 15;
/** ms that a source has to close in. */
const CLOSE_MS = 1000;

const stop = new AbortController();
let reader: MediaReader | undefined;

process.once('message', (request: ReadRequest) => {
  void read(request)
    .catch((thrown: unknown) => (thrown as DepthcastError).detail ?? (thrown as Error).message)
    .then(async (problem) =>
      end(request.live.format === 'v4l2' ? deviceProblem(problem, await findCameras()) : problem),
    );
});
process.once('disconnect', () => {
  stop.abort();
  reader?.interrupt();
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), CLOSE_MS);
});

async function read(request: ReadRequest): Promise<string> {
  const sender = new Sender(request.maxSide);
  const pace = request.paced ? new Pace() : undefined;
  let base = 0;
  for (let round = 0; ; round++) {
    const { address, timeoutSeconds, live } = request;
    reader = await MediaReader.open(address, { timeoutSeconds, signal: stop.signal, live });
    const { codec, container, width, height, fps } = reader.info;
    if (round === 0) tell({ kind: 'opened', codec, container, width, height });
    let last: number | undefined;
    for (let next = await reader.read(); next && !stop.signal.aborted; next = await reader.read()) {
      last = next.time;
      await pace?.wait(base + next.time);
      await sender.put(next, base + next.time);
    }
    const problems = [...reader.problems];
    reader.close();
    if (!request.loop || stop.signal.aborted) return problems.join('; ') || 'the source ended';
    if (last === undefined) return problems.join('; ') || 'it holds no picture that can be decoded';
    base += last + fps.den / Math.max(1, fps.num);
  }
}

/** Keeps the newest picture until the server has taken the one before. */
class Sender {
  readonly #maxSide: number;
  #converter: { converter: FrameConverter; sizes: string } | undefined;
  #waiting: PictureMessage | undefined;
  #free = true;
  #skipped = 0;

  constructor(maxSide: number) {
    this.#maxSide = maxSide;
    process.on('message', (message: Partial<NextRequest>) => {
      if (!message.next) return;
      this.#free = true;
      this.#send();
    });
  }

  async put({ picture, arrivedAt = Date.now() }: TimedPicture, time: number): Promise<void> {
    try {
      const { width, height, captureTime, captureTimeError } = picture;
      const scale = Math.min(1, this.#maxSide / Math.max(width, height));
      const size = { width: even(width * scale), height: even(height * scale) };
      const sizes = `${width}x${height}`;
      if (this.#converter?.sizes !== sizes) {
        this.#converter?.converter.close();
        this.#converter = { sizes, converter: new FrameConverter(size.width, size.height, 'bt601') };
      }
      const frame = await this.#converter.converter.convert(picture);
      if (this.#waiting) this.#skipped++;
      this.#waiting = {
        kind: 'picture',
        planes: packed(frame.data!, frame.linesize, size.width, size.height),
        ...size,
        time,
        arrivedAt,
        ...(captureTime !== undefined && { captureTime }),
        ...(captureTimeError !== undefined && { captureTimeError }),
        skipped: this.#skipped,
      };
      frame.free();
      this.#send();
    } finally {
      picture.close();
    }
  }

  #send(): void {
    if (!this.#free || !this.#waiting) return;
    this.#free = false;
    this.#skipped = 0;
    tell(this.#waiting);
    this.#waiting = undefined;
  }
}

/** Lets pictures go at the times that their stamps say. */
class Pace {
  /** performance.now() / 1000 of time 0. */
  #zero: number | undefined;

  async wait(time: number): Promise<void> {
    const now = performance.now() / 1000;
    this.#zero ??= now - time;
    const early = this.#zero + time - now;
    if (early < -MAX_LATE || early > MAX_EARLY) this.#zero = now - time;
    else if (early > 0.001) await sleep(early * 1000, undefined, { signal: stop.signal });
  }
}

function packed(planes: readonly Buffer[], strides: readonly number[], width: number, height: number): Uint8Array {
  const out = new Uint8Array((width * height * 3) / 2);
  let at = 0;
  for (let plane = 0; plane < 3; plane++) {
    const row = plane === 0 ? width : width >> 1;
    const rows = plane === 0 ? height : height >> 1;
    for (let y = 0; y < rows; y++, at += row)
      out.set(planes[plane]!.subarray(y * strides[plane]!, y * strides[plane]! + row), at);
  }
  return out;
}

const even = (side: number): number => Math.max(2, 2 * Math.round(side / 2));

function tell(message: ReaderMessage): void {
  if (process.connected) process.send!(message, () => {});
}

function end(problem: string): void {
  if (!process.connected) process.exit(0);
  process.send!({ kind: 'end', problem } satisfies ReaderMessage, () => process.exit(0));
}
