import type { Meter } from '../deadline.ts';
import type { FrameAssembler } from './assembler.ts';
import { NackList } from './nack.ts';

const TICK_MS = 10;

interface LossRecoveryOptions {
  assembler: FrameAssembler;
  /** Sends the peer a NACK for these packets; 16-bit numbers. */
  sendNack: (sequenceNumbers: number[]) => void;
  /** A packet is missing for so long that a keyframe may come sooner: asked again and again until one of them has. */
  wantKeyframe: (now: number) => void;
  /** Takes what is thrown out of a timer. */
  fail: (thrown: unknown) => void;
  /** For the work of timers. */
  meter: Meter;
  /** ms, where known. */
  roundTripTime: () => number | undefined;
  /** Whether requests get lost, too, so that it pays to repeat them. */
  losesFeedback: () => boolean;
}

/** Gets missing packets sent again, or gives them up: when, {@link NackList} says. */
export class LossRecovery {
  /** Whether the sender answers NACKs. */
  nackEnabled = true;
  /** Whether repairs can be told from the packets that they repeat: RTX (RFC 4588) was agreed on. */
  tellsRepairs = false;
  readonly #options: LossRecoveryOptions;
  readonly #nacks = new NackList();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: LossRecoveryOptions) {
    this.#options = options;
  }

  /** Packets requested again, counting each time. */
  get requested(): number {
    return this.#nacks.requested;
  }

  /** Lost packets that came after all. */
  get recovered(): number {
    return this.#nacks.recovered;
  }

  /**
   * A packet came, of those that were missing or after them.
   * @param sequence extended; `expected` is the first that had never been seen
   * @param repair whether it came as a retransmission
   */
  note(sequence: number, expected: number, now: number, repair: boolean): void {
    const { assembler, roundTripTime } = this.#options;
    this.#nacks.remove(sequence, now, repair ? 'repair' : this.tellsRepairs ? 'original' : 'either', roundTripTime());
    if (sequence > expected && assembler.next >= 0 && !this.#nacks.add(expected, sequence - 1, now))
      assembler.restartAt(sequence);
  }

  /** A stream began in the middle of a frame: what stands before its first packet is missing. */
  noteOpening(sequence: number, now: number): void {
    const { oldest } = this.#options.assembler;
    if (oldest < sequence) this.#nacks.add(oldest, sequence - 1, now);
  }

  /** Asks for what is missing, gives up what has expired, and comes back as long as something is missing. */
  recover(now: number): void {
    const nacks = this.#nacks;
    if (nacks.size === 0) return;
    const { assembler, sendNack, wantKeyframe } = this.#options;
    const rtt = this.#options.roundTripTime();
    const expired = nacks.expired(now, rtt);
    if (expired !== undefined) assembler.giveUp(expired);
    else if (nacks.isLate(assembler.next, now, rtt)) wantKeyframe(now);
    // Those from before a stream's first packet are given up here alone: to the assembler nothing is missing there.
    nacks.removeBelow(Math.max(assembler.oldest, expired === undefined ? 0 : expired + 1));
    const due = this.nackEnabled ? nacks.due(now, rtt, this.#options.losesFeedback()) : [];
    if (due.length > 0) sendNack(due.map((sequence) => sequence & 0xffff));
    if (nacks.size > 0 && !this.#closed) {
      this.#timer ??= setTimeout(() => {
        this.#timer = undefined;
        try {
          this.#options.meter(() => this.recover(performance.now()));
        } catch (thrown) {
          this.#options.fail(thrown);
        }
      }, TICK_MS);
    }
  }

  /** Another stream begins: nothing of the last is missing any more. */
  clear(): void {
    this.#nacks.clear();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#nacks.clear();
  }
}
