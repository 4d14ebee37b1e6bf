import { type AgentDispatch, type ParticipantInfo, ParticipantInfo_Kind, TrackType } from '@livekit/protocol';
import type { Logger } from 'pino';
import type { ServerApi } from './server-api.ts';
import { ATTRIBUTE } from './settings.ts';

const LOOK_MS = 3000;
/** When something may be wrong, or became possible. */
const SOON_MS = 2500;
const AT_ONCE_MS = 200;
/** Several workers look: they shall not do so in step. */
const JITTER = 0.2;
/** A publisher without depth for longer has lost its job, or never got one. */
const MISSING_MS = 3000;
/** An agent whose attribute has not changed for longer is dead: it changes every 2 s. Its participant stays for 20 s. */
const SILENT_MS = 4500;
/** A dispatch that is younger may still lead to depth. */
const YOUNG_MS = 4000;
const ROOMS_AT_ONCE = 4;

export interface ReconcilerOptions {
  api: Pick<ServerApi, 'rooms' | 'participants' | 'removeParticipant' | 'dispatches' | 'dispatch' | 'deleteDispatch'>;
  agentName: string;
  /** Rooms without a dispatch of our name are looked after too. */
  auto: boolean;
  /** Whether this worker would take a job. */
  hasRoom(): boolean;
  log: Logger;
  now?: () => number;
}

/**
 * Finds publishers without depth and has them dispatched again: the server makes a job once, when a participant publishes
 * its first track, and forgets it when no worker is there, none has room, or the worker dies.
 */
export class Reconciler {
  readonly #options: Required<ReconcilerOptions>;
  /** By room and participant: an agent's last beat, and when it was another. */
  readonly #beats = new Map<string, { beat: string; since: number }>();
  /** By room and identity: since when a publisher was seen without depth. */
  readonly #missing = new Map<string, number>();
  readonly #dispatched = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #looking = false;
  #suspicious = false;
  #closed = false;

  constructor(options: ReconcilerOptions) {
    this.#options = { now: () => performance.now(), ...options };
  }

  /** Looks soon, and then again and again. */
  start(): void {
    this.#plan(AT_ONCE_MS);
  }

  stop(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  /** Whether this participant is an agent's that is known to be dead. */
  isDead(room: string, { sid }: ParticipantInfo): boolean {
    const found = this.#beats.get(publisherKey(room, sid));
    return found !== undefined && this.#options.now() - found.since > SILENT_MS;
  }

  /** One look at every room. @throws DepthcastError LIVEKIT_FAILED where the server does not answer */
  async look(): Promise<void> {
    const { api } = this.#options;
    this.#suspicious = false;
    const rooms = (await api.rooms()).filter(({ numPublishers }) => numPublishers > 0);
    const seen = new Set<string>();
    const queue = [...rooms];
    const one = async () => {
      for (let room = queue.shift(); room; room = queue.shift()) await this.#lookAt(room.name, seen);
    };
    await Promise.all(Array.from({ length: ROOMS_AT_ONCE }, one));
    for (const map of [this.#beats, this.#missing]) for (const key of map.keys()) if (!seen.has(key)) map.delete(key);
    const names = new Set(rooms.map(({ name }) => name));
    for (const name of this.#dispatched.keys()) if (!names.has(name)) this.#dispatched.delete(name);
  }

  async #lookAt(room: string, seen: Set<string>): Promise<void> {
    const { api, now } = this.#options;
    const participants = await api.participants(room);
    const at = now();
    const dead: ParticipantInfo[] = [];
    const served = new Set<string>();
    /** An agent may be dead, too, that died with those which are: one dispatch is for all of them. */
    let doubtful = false;
    for (const participant of participants) {
      const of = agentOf(participant);
      if (of === undefined) continue;
      const key = publisherKey(room, participant.sid);
      seen.add(key);
      const beat = participant.attributes[`${ATTRIBUTE}beat`] ?? '';
      const last = this.#beats.get(key);
      if (last?.beat !== beat) this.#beats.set(key, { beat, since: at });
      else if (this.isDead(room, participant)) dead.push(participant);
      else if (at - last.since > SOON_MS / 2) {
        this.#suspicious = true;
        doubtful = true;
      }
      if (!dead.includes(participant)) served.add(of);
    }
    const lost = new Set(dead.map(agentOf));
    const waiting = participants.filter((participant) => publishes(participant) && !served.has(participant.identity));
    let due = false;
    for (const { identity } of waiting) {
      const key = publisherKey(room, identity);
      seen.add(key);
      const since = this.#missing.get(key) ?? at;
      this.#missing.set(key, since);
      due ||= lost.has(identity) || at - since >= MISSING_MS;
      this.#suspicious = true;
    }
    for (const identity of served) this.#missing.delete(publisherKey(room, identity));
    if (due && !(doubtful && dead.length > 0)) await this.#dispatch(room, participants, dead);
  }

  async #dispatch(room: string, participants: ParticipantInfo[], dead: ParticipantInfo[]): Promise<void> {
    const { api, agentName, auto, hasRoom, log, now } = this.#options;
    if (!hasRoom() || now() - (this.#dispatched.get(room) ?? -Infinity) < YOUNG_MS) return;
    const ours = (await api.dispatches(room)).filter((one) => one.agentName === agentName && !one.state?.deletedAt);
    if (ours.length === 0 && !auto) return;
    if (ours.some(isYoung)) return;
    this.#dispatched.set(room, now());
    const replaces = dead.map(({ sid }) => sid);
    const metadata = withReplaces(ours.at(-1)?.metadata ?? '', replaces);
    // A new job has the identity of the dead agent's participant, whose end would be taken for its own.
    for (const { identity } of dead)
      await api.removeParticipant(room, identity).catch((thrown: unknown) => {
        log.debug({ err: thrown }, "a dead agent's participant could not be removed");
      });
    await api.dispatch(room, agentName, metadata);
    log.info({ rooms: 1, replaces: replaces.length }, 'publishers without depth: dispatched again');
    // Those that nobody works on any more. Deleting one ends its jobs, so one with a job that lives stays.
    const alive = new Set(participants.filter((one) => !replaces.includes(one.sid)).map(({ identity }) => identity));
    for (const { id, state } of ours)
      if (!(state?.jobs ?? []).some((job) => alive.has(job.state?.participantIdentity ?? '')))
        await api.deleteDispatch(room, id);
  }

  #plan(wait: number): void {
    clearTimeout(this.#timer);
    if (this.#closed) return;
    const jitter = 1 + JITTER * (2 * Math.random() - 1);
    this.#timer = setTimeout(() => void this.#round(), wait * jitter);
  }

  async #round(): Promise<void> {
    if (this.#looking) return this.#plan(SOON_MS);
    this.#looking = true;
    try {
      await this.look();
    } catch (thrown) {
      this.#options.log.warn({ err: thrown }, 'rooms could not be listed');
    } finally {
      this.#looking = false;
      this.#plan(this.#suspicious ? SOON_MS : LOOK_MS);
    }
  }
}

/** Of one participant of one room. */
export const publisherKey = (room: string, identity: string): string => JSON.stringify([room, identity]);

/**
 * Identity of the publisher whom this participant looks after; undefined where it is no agent. Attributes anybody may give
 * themselves; that a participant is an agent the server says, of those that came with an agent's token.
 */
export const agentOf = ({ kind, attributes }: ParticipantInfo): string | undefined =>
  kind === ParticipantInfo_Kind.AGENT ? attributes[`${ATTRIBUTE}of`] : undefined;

const publishes = ({ kind, tracks }: ParticipantInfo): boolean =>
  kind !== ParticipantInfo_Kind.AGENT && tracks.some(({ type }) => type === TrackType.VIDEO);

/** Times of the server are nanoseconds since the Unix epoch. */
const isYoung = ({ state }: AgentDispatch): boolean =>
  state !== undefined && Date.now() - Number(state.createdAt / 1_000_000n) < YOUNG_MS;

/** A dispatch's metadata with the participants whose agents are dead: the worker that is asked need not have seen it. */
export function withReplaces(metadata: string, replaces: string[]): string {
  if (replaces.length === 0) return metadata;
  let settings: unknown = {};
  try {
    settings = JSON.parse(metadata || '{}');
  } catch {
    return metadata;
  }
  return JSON.stringify({ ...(settings as object), replaces });
}

/** @returns participants that a job of this metadata replaces */
export function replacesOf(metadata: string): string[] {
  try {
    const { replaces } = JSON.parse(metadata) as { replaces?: unknown };
    return Array.isArray(replaces) ? replaces.filter((sid) => typeof sid === 'string') : [];
  } catch {
    return [];
  }
}
