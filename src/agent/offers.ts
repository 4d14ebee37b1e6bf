import type { Job, ParticipantInfo } from '@livekit/protocol';
import type { Admission } from '../session/admission.ts';
import { agentOf, publisherKey, replacesOf } from './reconcile.ts';
import type { ServerApi } from './server-api.ts';
import { ATTRIBUTE } from './settings.ts';
import type { Answer } from './worker-socket.ts';

/** An offer that was accepted and led to no assignment. */
const PROMISE_MS = 10_000;
const LOOK_MS = 600;

export type Place = ReturnType<Admission['reserve']>;

export interface OffersOptions {
  admission: Pick<Admission, 'reserve' | 'hasWorkerTime'>;
  api: Pick<ServerApi, 'participants'>;
  /** Whether this participant is an agent's that is known to be dead. */
  isDead(room: string, participant: ParticipantInfo): boolean;
  /** Whether this job runs here. */
  runs(id: string): boolean;
  /** Whether a job of this publisher does. */
  serves(key: string): boolean;
}

/** Answers the server's offers, and holds the places of those that were accepted and not assigned yet. */
export class Offers {
  readonly #options: OffersOptions;
  readonly #promised = new Map<string, { place: Place; timer: NodeJS.Timeout; key: string }>();
  #closed = false;

  constructor(options: OffersOptions) {
    this.#options = options;
  }

  get promised(): number {
    return this.#promised.size;
  }

  async answer(job: Job): Promise<Answer> {
    const { admission, runs, serves } = this.#options;
    const identity = job.participant?.identity ?? '';
    const room = job.room?.name ?? '';
    const key = publisherKey(room, identity);
    if (identity === '' || this.#closed || this.#promised.has(job.id) || runs(job.id)) return { available: false };
    const ours = serves(key) || [...this.#promised.values()].some((one) => one.key === key);
    if (ours || (await this.#hasDepth(room, identity, replacesOf(job.metadata))))
      return { available: false, terminate: true };
    // Meanwhile the same may have been offered again.
    if (this.#closed || this.#promised.has(job.id)) return { available: false };
    let place: Place;
    try {
      place = admission.reserve(key);
    } catch {
      return { available: false };
    }
    if (!admission.hasWorkerTime()) {
      place.free();
      return { available: false };
    }
    const timer = setTimeout(() => this.take(job.id)?.free(), PROMISE_MS);
    this.#promised.set(job.id, { place, timer, key });
    return {
      available: true,
      // The server keeps one participant of a name: where two agents meet, the later one stays.
      identity: `depth-of-${identity}`,
      name: `Depth of ${job.participant?.name || identity}`,
      attributes: { [`${ATTRIBUTE}of`]: identity },
    };
  }

  /** The place of an offer that was accepted, once; undefined where none was, or too long ago. */
  take(id: string): Place | undefined {
    const found = this.#promised.get(id);
    clearTimeout(found?.timer);
    this.#promised.delete(id);
    return found?.place;
  }

  /** Accepts no more. */
  drain(): void {
    this.#closed = true;
  }

  /** Frees what was promised. */
  close(): void {
    this.drain();
    for (const id of [...this.#promised.keys()]) this.take(id)?.free();
  }

  /** Whether an agent that lives looks after this publisher. Where the server does not say in time, none does. */
  async #hasDepth(room: string, identity: string, replaced: string[]): Promise<boolean> {
    const { api, isDead } = this.#options;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never[]>((resolve) => {
      timer = setTimeout(() => resolve([]), LOOK_MS);
    });
    const participants = await Promise.race([api.participants(room).catch(() => []), late]);
    clearTimeout(timer);
    return participants.some((one) => agentOf(one) === identity && !replaced.includes(one.sid) && !isDead(room, one));
  }
}
