import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { PeerProgram, Session } from './peers.ts';

/** What a peer has seen so far. */
interface Counts {
  connected: boolean;
  sent: number;
  track: number;
  depth: number;
  /** Of the track's last picture. */
  width?: number;
  height?: number;
  /** Of a browser that shows a track: the longest time between two pictures since it last spoke, ms. */
  gap?: number;
  error?: string;
}

/** A peer's process and what it last said of itself. */
export class Peer {
  counts: Counts = { connected: false, sent: 0, track: 0, depth: 0 };
  exited = false;
  /** The longest of them; may be set to 0. */
  longestGap = 0;
  readonly #child: ChildProcess;
  readonly #gone: Promise<unknown>;

  /** @param verbose lets the peer print to our standard error */
  constructor(program: PeerProgram, session: Session, verbose = false) {
    const [file, ...args] = program.command(session);
    // A group of its own, so that a browser's processes can be ended with it.
    this.#child = spawn(file, args, { stdio: ['pipe', 'pipe', verbose ? 'inherit' : 'ignore'], detached: true });
    this.#gone = new Promise((resolve) => {
      this.#child.once('exit', resolve);
      this.#child.once('error', (error) => {
        this.counts.error = error.message;
        resolve(undefined);
      });
    }).then(() => {
      this.exited = true;
    });
    this.#child.stdin?.on('error', () => {});
    createInterface({ input: this.#child.stdout! }).on('line', (line) => {
      if (!line.startsWith('{')) return;
      this.counts = JSON.parse(line) as Counts;
      this.longestGap = Math.max(this.longestGap, this.counts.gap ?? 0);
    });
  }

  /** As a good client: it ends its session. One that does not within ten seconds is killed. */
  async end(): Promise<void> {
    this.#child.stdin?.end();
    const timer = setTimeout(() => this.#kill(), 10_000);
    await this.#gone;
    clearTimeout(timer);
  }

  #kill(): void {
    try {
      process.kill(-this.#child.pid!, 'SIGKILL');
    } catch {
      // It has just ended.
    }
  }
}
