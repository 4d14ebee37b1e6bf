import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { DepthReport, FromParticipant, ToParticipant } from './protocol.ts';
import { roomToken, SERVER_URL } from './server.ts';

const FILE = fileURLToPath(new URL('./participant.ts', import.meta.url));

/** A participant in a process of its own: a publisher of numbered pictures, or a viewer of depth. */
class Participant {
  protected readonly child: ChildProcess;
  protected ready = false;
  #log = '';

  constructor() {
    this.child = spawn(process.execPath, ['--import', 'tsx', FILE], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { ...process.env, NODE_ENV: 'production' },
    });
    for (const stream of [this.child.stdout!, this.child.stderr!])
      stream.on('data', (text) => {
        this.#log = (this.#log + String(text)).slice(-4000);
      });
    this.child.on('message', (message: FromParticipant) => this.take(message));
  }

  send(message: ToParticipant): void {
    if (this.child.connected) this.child.send(message);
  }

  async end(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = new Promise((resolve) => this.child.once('exit', resolve));
    this.send({ case: 'end' });
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 5000);
    await gone;
    clearTimeout(timer);
  }

  protected take(message: FromParticipant): void {
    if (message.case === 'published' || message.case === 'joined') this.ready = true;
  }

  protected async becomesReady(what: string): Promise<void> {
    for (let tries = 0; tries < 3600 && !this.ready; tries++) {
      if (this.child.exitCode !== null) break;
      await sleep(50);
    }
    if (!this.ready) throw new Error(`${what} did not join:\n${this.#log}`);
  }
}

export class Publisher extends Participant {
  readonly identity: string;
  /** Frame numbers by timestamp. */
  readonly stamps = new Map<string, number>();
  sent = 0;

  private constructor(identity: string) {
    super();
    this.identity = identity;
  }

  static async join(
    room: string,
    identity: string,
    { fps = 15, stream = 0, identified = true, attributes = {} as Record<string, string> } = {},
  ): Promise<Publisher> {
    const publisher = new Publisher(identity);
    const token = await roomToken(room, identity, attributes);
    publisher.send({ case: 'publish', url: SERVER_URL, token, fps, stream, identified });
    await publisher.becomesReady(`publisher ${identity}`);
    return publisher;
  }

  protected override take(message: FromParticipant): void {
    super.take(message);
    if (message.case !== 'sent') return;
    this.sent = message.frames;
    for (const [stamp, frame] of message.stamps) this.stamps.set(stamp, frame);
  }
}

/** What has come of one publisher's depth so far. */
export type Seen = DepthReport;

export class Viewer extends Participant {
  readonly #seen = new Map<string, Seen>();

  private constructor() {
    super();
  }

  static async join(room: string, identity = 'viewer'): Promise<Viewer> {
    const viewer = new Viewer();
    viewer.send({ case: 'view', url: SERVER_URL, token: await roomToken(room, identity) });
    await viewer.becomesReady('the viewer');
    return viewer;
  }

  of(publisher: string): Seen | undefined {
    return this.#seen.get(publisher);
  }

  packets(publisher: string): number {
    return this.of(publisher)?.packets ?? 0;
  }

  protected override take(message: FromParticipant): void {
    super.take(message);
    if (message.case !== 'depth') return;
    for (const report of message.reports) {
      const seen = this.#seen.get(report.of);
      if (seen === undefined) {
        this.#seen.set(report.of, report);
        continue;
      }
      for (const list of ['ages', 'trackAges', 'packetIds', 'pictureIds'] as const) {
        const all = seen[list] as unknown[];
        all.push(...report[list]);
        Object.assign(report, { [list]: all });
      }
      this.#seen.set(report.of, report);
    }
  }
}
