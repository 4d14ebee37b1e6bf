import { Job, ParticipantInfo, ParticipantInfo_Kind } from '@livekit/protocol';
import { afterEach, expect, test, vi } from 'vitest';
import { loadConfig } from '../config/load.ts';
import { Admission, type AdmissionOptions } from '../session/admission.ts';
import { Registry } from '../session/registry.ts';
import { Offers, type OffersOptions } from './offers.ts';

const offer = (id: string, identity: string, room = 'r', metadata = ''): Job =>
  new Job({ id, metadata, room: { name: room }, participant: { identity, name: '' } });

const agentFor = (identity: string, kind = ParticipantInfo_Kind.AGENT) =>
  new ParticipantInfo({ sid: `AG_${identity}`, kind, attributes: { 'depthcast.of': identity } });

function setUp(streams = 2, changed: Partial<OffersOptions> = {}, people: ParticipantInfo[] = []) {
  const registry = new Registry();
  const config = loadConfig({ overrides: { 'limits.streams': streams } }) as AdmissionOptions['config'];
  const pool = { workersLimit: 1, models: [{ manifest: { name: 'm' } }] } as never;
  const offers = new Offers({
    admission: new Admission({ registry, pool, config }),
    api: { participants: async () => people },
    isDead: () => false,
    runs: () => false,
    serves: () => false,
    ...changed,
  });
  return { offers, registry };
}

const DONE = { available: false, terminate: true };
const NO = { available: false };

afterEach(() => {
  vi.useRealTimers();
});

test('an offer that is accepted holds a place until it is assigned, or for ten seconds', async () => {
  vi.useFakeTimers();
  const { offers, registry } = setUp();
  expect(await offers.answer(offer('J1', 'alice'))).toMatchObject({
    available: true,
    identity: 'depth-of-alice',
    attributes: { 'depthcast.of': 'alice' },
  });
  expect(await offers.answer(offer('J2', 'bob'))).toMatchObject({ available: true });
  expect([registry.placesTaken, offers.promised]).toEqual([2, 2]);
  expect(await offers.answer(offer('J3', 'carol')), 'beyond limits.streams').toEqual(NO);
  const place = offers.take('J1')!;
  expect(offers.take('J1'), 'assigned twice').toBeUndefined();
  vi.advanceTimersByTime(10_001);
  expect([registry.placesTaken, offers.promised]).toEqual([1, 0]);
  place.free();
  expect(registry.placesTaken).toBe(0);
});

test('the same job or publisher once more takes no second place', async () => {
  const { offers, registry } = setUp(8, { runs: (id) => id === 'J9', serves: (key) => key === '["r","dora"]' });
  await offers.answer(offer('J1', 'alice'));
  expect(await offers.answer(offer('J1', 'alice'))).toEqual(NO);
  expect(await offers.answer(offer('J2', 'alice')), 'another job of hers').toEqual(DONE);
  expect(await offers.answer(offer('J9', 'erin')), 'a job that runs').toEqual(NO);
  expect(await offers.answer(offer('J3', 'dora')), 'one whose depth is made here').toEqual(DONE);
  expect(registry.placesTaken).toBe(1);
  // Both at once: while the room is looked up neither has a place yet.
  const both = await Promise.all([offers.answer(offer('J4', 'frank')), offers.answer(offer('J4', 'frank'))]);
  expect(both.filter(({ available }) => available)).toHaveLength(1);
  expect(registry.placesTaken).toBe(2);
  offers.close();
  expect(registry.placesTaken).toBe(0);
});

test('names that contain separators are told apart', async () => {
  const { offers } = setUp();
  await offers.answer(offer('J1', 'c', 'a/b'));
  expect(await offers.answer(offer('J2', 'b/c', 'a'))).toMatchObject({ available: true });
  offers.close();
});

test('a publisher with an agent that lives needs no other; what others say of themselves does not count', async () => {
  const people = [agentFor('alice'), agentFor('bob', ParticipantInfo_Kind.STANDARD)];
  const { offers } = setUp(8, {}, people);
  expect(await offers.answer(offer('J1', 'alice'))).toEqual(DONE);
  expect(await offers.answer(offer('J2', 'bob'))).toMatchObject({ available: true });
  expect(await offers.answer(offer('J3', 'alice', 'r', '{"replaces":["AG_alice"]}'))).toMatchObject({
    available: true,
  });
  offers.close();
  const dead = setUp(8, { isDead: () => true }, people).offers;
  expect(await dead.answer(offer('J1', 'alice'))).toMatchObject({ available: true });
  dead.close();
});

test('where the server does not say who is there, the offer is taken', async () => {
  for (const participants of [() => Promise.reject(new Error('no')), () => new Promise<never>(() => {})]) {
    const { offers } = setUp(8, { api: { participants } });
    expect(await offers.answer(offer('J1', 'alice'))).toMatchObject({ available: true });
    offers.close();
  }
});

test('who drains takes nothing, nor a job without a publisher', async () => {
  const { offers, registry } = setUp();
  expect(await offers.answer(offer('J1', ''))).toEqual(NO);
  offers.drain();
  expect(await offers.answer(offer('J2', 'alice'))).toEqual(NO);
  expect(registry.placesTaken).toBe(0);
});
