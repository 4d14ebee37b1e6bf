import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { SessionStats } from '../../../src/protocol/messages.ts';

export interface FleetOptions {
  /** Base URL of the server. */
  url: string;
  peers: number;
  scene: string;
  width: number;
  height: number;
  fps: number;
  /** `none`: each frame's metadata alone; `off`: no data channel. */
  data: 'off' | 'none' | 'u8' | 'u16' | 'f16';
  track: 'gray' | 'off';
  /** Publishes only, by WHIP under this name (of one peer), instead of a two-way session. */
  whip?: string;
}

/** What one peer has counted since it began. */
export interface PeerReport {
  connected: boolean;
  /** Pictures of the gray track. */
  frames: number;
  /** Whole depth packets, and chunks or packets that were not well-formed. */
  packets: number;
  badPackets: number;
  epochs: number;
  errors: string[];
  /** One of them ended it. Of others, as that a busy machine has no depth for a second, it goes on. */
  refused: boolean;
  /** RTP timestamp of the last depth packet that was unpacked. */
  lastTimestamp: number;
  /** The server's own report of the last second. */
  stats?: SessionStats;
}

export interface FleetReport {
  /** performance.now() of the fleet's process. */
  at: number;
  /** Pictures fed to each peer's encoder. */
  sent: number;
  peers: PeerReport[];
}

/** Independent libwebrtc peers in a process of their own. */
export class Fleet {
  last: FleetReport | undefined;
  readonly #child: ChildProcess;
  readonly #publishesOnly: boolean;
  #waiting: { resolve(report: FleetReport): void; reject(error: Error): void }[] = [];

  constructor(options: FleetOptions) {
    this.#publishesOnly = options.whip !== undefined;
    const file = fileURLToPath(new URL('./wrtc-child.ts', import.meta.url));
    this.#child = spawn(process.execPath, ['--import', 'tsx', file], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#child.on('message', (report: FleetReport) => {
      this.last = report;
      for (const { resolve } of this.#waiting.splice(0)) resolve(report);
    });
    this.#child.on('exit', () => {
      for (const { reject } of this.#waiting.splice(0)) reject(new Error('the load process ended'));
    });
    this.#child.send(options);
  }

  get exited(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** The next report; they come twice a second. */
  next(): Promise<FleetReport> {
    if (this.exited) return Promise.reject(new Error('the load process ended'));
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /** Waits until every peer is connected, and gets what it asked for. */
  async flowing(timeoutMs = 60_000): Promise<FleetReport> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const report = await this.next();
      const errors = report.peers.filter(({ refused }) => refused).flatMap((peer) => peer.errors);
      if (errors.length > 0) throw new Error(`peers were refused: ${errors.join('; ')}`);
      if (report.peers.every((peer) => peer.connected && (this.#publishesOnly || peer.frames + peer.packets > 5)))
        return report;
      if (performance.now() > deadline)
        throw new Error(`no depth after ${timeoutMs} ms: ${JSON.stringify(report.peers)}`);
    }
  }

  /** Ends the process as a crash would: no connection is closed. */
  async kill(): Promise<void> {
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await gone;
  }

  async stop(): Promise<void> {
    if (this.exited) return;
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.send('end');
    setTimeout(() => this.#child.kill('SIGKILL'), 3000).unref();
    await gone;
  }
}
