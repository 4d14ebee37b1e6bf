import { FRAME_MODULUS } from '../test/support/load/frame-code.ts';
import type { CodeReading } from '../test/support/load/server-child.ts';

/** Readings and depth maps that wait for each other. */
const MEMORY = 4000;

export type Verdict = 'right' | 'wrong' | 'unreadable';

/**
 * Holds what the server read in its pictures against what the peers took their depth for: same RTP timestamp, same
 * stream, same picture.
 */
export class CodeCheck {
  readonly #readings = new Map<number, { stream: number; frame: number }>();
  readonly #waiting = new Map<number, { stream: number; frame: number }>();
  readonly #onVerdict: (stream: number, verdict: Verdict) => void;

  constructor(onVerdict: (stream: number, verdict: Verdict) => void) {
    this.#onVerdict = onVerdict;
  }

  read([timestamp, stream, frame]: CodeReading): void {
    const depth = this.#waiting.get(timestamp);
    if (depth) {
      this.#waiting.delete(timestamp);
      this.#judge({ stream, frame }, depth);
    } else keep(this.#readings, timestamp, { stream, frame });
  }

  depth(stream: number, timestamp: number, frame: number): void {
    const reading = this.#readings.get(timestamp);
    if (reading) {
      this.#readings.delete(timestamp);
      this.#judge(reading, { stream, frame });
    } else keep(this.#waiting, timestamp, { stream, frame });
  }

  #judge(read: { stream: number; frame: number }, depth: { stream: number; frame: number }): void {
    const right = read.stream === depth.stream && read.frame === depth.frame % FRAME_MODULUS;
    this.#onVerdict(depth.stream, read.stream < 0 ? 'unreadable' : right ? 'right' : 'wrong');
  }
}

function keep<T>(map: Map<number, T>, key: number, value: T): void {
  map.set(key, value);
  if (map.size > MEMORY) map.delete(map.keys().next().value!);
}
