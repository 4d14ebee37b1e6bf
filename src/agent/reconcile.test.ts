import {
  AgentDispatch,
  Job,
  JobState,
  ParticipantInfo,
  ParticipantInfo_Kind,
  Room,
  TrackInfo,
  TrackType,
} from '@livekit/protocol';
import pino from 'pino';
import { expect, test } from 'vitest';
import { Reconciler, replacesOf, withReplaces } from './reconcile.ts';

const camera = new TrackInfo({ type: TrackType.VIDEO });
const publisher = (identity: string, attributes: Record<string, string> = {}) =>
  new ParticipantInfo({ identity, sid: `PA_${identity}`, tracks: [camera], attributes });
const agentFor = (identity: string, beat: number, sid = `AG_${identity}`) =>
  new ParticipantInfo({
    identity: `depth-of-${identity}`,
    sid,
    kind: ParticipantInfo_Kind.AGENT,
    attributes: { 'depthcast.of': identity, 'depthcast.beat': String(beat) },
  });

/** Rooms as a server would tell of them; what is dispatched and deleted is noted. */
class Rooms {
  now = 0;
  full = false;
  people: Record<string, ParticipantInfo[]> = {};
  known: Record<string, AgentDispatch[]> = {};
  readonly made: [room: string, metadata: string][] = [];
  readonly deleted: string[] = [];
  readonly removed: string[] = [];
  readonly reconciler: Reconciler;

  constructor(auto = false) {
    const api = {
      rooms: async () => Object.keys(this.people).map((name) => new Room({ name, numPublishers: 1 })),
      participants: async (room: string) => this.people[room] ?? [],
      dispatches: async (room: string) => this.known[room] ?? [],
      dispatch: async (room: string, agentName: string, metadata: string) => {
        this.made.push([room, metadata]);
        return new AgentDispatch({ room, agentName, metadata });
      },
      removeParticipant: async (_: string, identity: string) => {
        this.removed.push(identity);
      },
      deleteDispatch: async (_: string, id: string) => {
        this.deleted.push(id);
      },
    };
    this.reconciler = new Reconciler({
      api,
      agentName: 'depth',
      auto,
      hasRoom: () => !this.full,
      log: pino({ level: 'silent' }),
      now: () => this.now,
    });
  }

  asks(room: string, metadata = '', jobs: Job[] = []): void {
    this.known[room] = [
      new AgentDispatch({ id: `AD_${room}`, agentName: 'depth', room, metadata, state: { createdAt: 1n, jobs } }),
    ];
  }

  async lookAt(ms: number): Promise<void> {
    this.now = ms;
    await this.reconciler.look();
  }
}

test('a publisher that stays without depth is dispatched again, once, and one that has it is not', async () => {
  const rooms = new Rooms();
  rooms.asks('r', '{"size":192}');
  rooms.people = { r: [publisher('alice'), publisher('bob'), agentFor('bob', 1)] };
  await rooms.lookAt(0);
  expect(rooms.made, 'its first job may be on its way').toEqual([]);
  await rooms.lookAt(3500);
  expect(rooms.made).toEqual([['r', '{"size":192}']]);
  expect(rooms.deleted).toEqual(['AD_r']);
  rooms.people['r']![2] = agentFor('bob', 2);
  await rooms.lookAt(4000);
  expect(rooms.made, 'that dispatch may still lead to depth').toHaveLength(1);
  rooms.people = { r: [publisher('bob'), agentFor('bob', 3)] };
  await rooms.lookAt(20_000);
  expect(rooms.made).toHaveLength(1);
});

test('an agent whose beat stands still is dead; the dispatch names it', async () => {
  const rooms = new Rooms();
  rooms.asks('r');
  const agent = agentFor('alice', 7);
  rooms.people = { r: [publisher('alice'), agent] };
  await rooms.lookAt(0);
  await rooms.lookAt(4000);
  expect(rooms.reconciler.isDead('r', agent)).toBe(false);
  await rooms.lookAt(4600);
  expect(rooms.reconciler.isDead('r', agent)).toBe(true);
  expect(rooms.made).toEqual([['r', '{"replaces":["AG_alice"]}']]);
  expect(replacesOf(rooms.made[0]![1])).toEqual(['AG_alice']);
  // Or its end would be taken for that of the new job, which has its identity.
  expect(rooms.removed).toEqual(['depth-of-alice']);
});

test('what a participant that is no agent says of itself is not believed', async () => {
  const rooms = new Rooms();
  rooms.asks('r');
  // As if mallory were the agent of alice, and alive.
  const look = async (ms: number) => {
    rooms.people = {
      r: [publisher('alice'), publisher('mallory', { 'depthcast.of': 'alice', 'depthcast.beat': String(ms) })],
    };
    await rooms.lookAt(ms);
  };
  await look(0);
  await look(2000);
  await look(4000);
  expect(rooms.made).toHaveLength(1);
});

test('names that contain separators are told apart', async () => {
  const rooms = new Rooms();
  rooms.asks('a');
  rooms.asks('a/b');
  // "a/b" + "c" and "a" + "b/c": the second one has no depth since later.
  rooms.people = { 'a/b': [publisher('c')], a: [] };
  await rooms.lookAt(0);
  rooms.people = { 'a/b': [], a: [publisher('b/c')] };
  await rooms.lookAt(3500);
  expect(rooms.made, 'as if it had been missing for long').toEqual([]);
  await rooms.lookAt(7500);
  expect(rooms.made).toEqual([['a', '']]);
});

test('rooms that did not ask are left alone, unless all are looked after', async () => {
  for (const auto of [false, true]) {
    const rooms = new Rooms(auto);
    rooms.people = { r: [publisher('alice')] };
    await rooms.lookAt(0);
    await rooms.lookAt(3500);
    expect(rooms.made).toHaveLength(auto ? 1 : 0);
  }
});

test('who has no room dispatches nothing; a dispatch with a job that lives stays', async () => {
  const rooms = new Rooms();
  const job = new Job({ state: new JobState({ participantIdentity: 'depth-of-bob' }) });
  rooms.asks('r', '', [job]);
  rooms.people = { r: [publisher('alice'), publisher('bob'), agentFor('bob', 1)] };
  rooms.full = true;
  await rooms.lookAt(0);
  await rooms.lookAt(3500);
  expect(rooms.made).toEqual([]);
  rooms.full = false;
  await rooms.lookAt(4000);
  expect(rooms.made).toHaveLength(1);
  expect(rooms.deleted).toEqual([]);
});

test('metadata that is no object keeps its form', () => {
  expect(withReplaces('nonsense', ['PA_1'])).toBe('nonsense');
  expect(withReplaces('{"size":160}', [])).toBe('{"size":160}');
  for (const metadata of ['', 'null', '[]', '{"replaces":3}', '{"replaces":[1]}'])
    expect(replacesOf(metadata)).toEqual([]);
});
