import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { browserStep } from './browser.ts';
import { until, type World } from './world.ts';

/**
 * What the documents promise of a machine with nothing else to do, in ms. It is told, not asserted: here servers, agents and
 * participants share the cores with whatever else runs. Each condition is waited for, for minutes where need be.
 */
const PROMISED = { firstDepth: 1000, age: 80, agentBack: 15_000, serverBack: 5000 };
/** Packets after which depth counts as flowing. */
const FLOWING = 5;

type Step = (world: World) => Promise<string>;

const against = (ms: number, promised: number): string =>
  `${(ms / 1000).toFixed(promised < 1000 ? 3 : 1)} s (${ms <= promised ? 'within' : 'not within'} ${promised / 1000} s)`;
function quantile(values: number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}

/** Depth of the very picture that its identity names, and how soon. */
const identity: Step = async (world) => {
  const agent = await world.agent('a', { watched: true, size: 256 });
  const { room, viewer } = await world.room();
  const publisher = await world.publisher(room, 'alice', { fps: 15, stream: 3 });
  await until('the first depth', () => viewer.packets('alice') > 0);
  const first = agent.lines.find(({ msg }) => msg === 'first depth')?.ms ?? Number.POSITIVE_INFINITY;
  await until('enough depth', () => viewer.packets('alice') >= world.frames, {
    seconds: 120 + 2 * world.frames,
    state: () => `${viewer.packets('alice')} packets of ${publisher.sent} pictures`,
  });
  const seen = viewer.of('alice')!;
  const ages = seen.ages.slice(FLOWING);
  Object.assign(world.measured, {
    firstDepth: first,
    ageP50: quantile(ages, 0.5),
    ageP95: quantile(ages, 0.95),
    trackAgeP50: quantile(seen.trackAges.slice(FLOWING), 0.5),
  });
  // Readings and stamps come in reports of their own.
  await sleep(1000);
  const judge = (ids: [string, number][]) => {
    const counts = { right: 0, wrong: 0, unread: 0 };
    for (const [stamp, frameId] of ids) {
      const sent = publisher.stamps.get(stamp);
      const read = agent.readings.get(stamp);
      if (sent === undefined || read === undefined || read < 0) counts.unread++;
      else if (sent === frameId && read === frameId) counts.right++;
      else counts.wrong++;
    }
    return counts;
  };
  const packets = judge(seen.packetIds);
  const pictures = judge(seen.pictureIds);
  const told = JSON.stringify({ packets, pictures });
  assert.equal(packets.wrong + pictures.wrong, 0, `depth of other pictures than it says: ${told}`);
  assert.ok(
    packets.unread <= 0.02 * world.frames && pictures.unread <= 0.05 * world.frames,
    `codes are not read: ${told}`,
  );
  assert.ok(pictures.right >= 0.5 * world.frames, `few pictures of the depth track: ${told}`);
  assert.equal(seen.attributes['depthcast.identity'], 'frame');
  const { ageP50, ageP95, trackAgeP50 } = world.measured as Record<'ageP50' | 'ageP95' | 'trackAgeP50', number>;
  return `first after ${against(first, PROMISED.firstDepth)}; ${packets.right} packets and ${pictures.right} pictures right, 0 wrong; age of packets p50 ${against(ageP50, PROMISED.age)}, p95 ${ageP95.toFixed(0)} ms, of the track p50 ${trackAgeP50.toFixed(0)} ms`;
};

/** Attributes of the publisher and metadata of the dispatch set its depth; a bad one is refused where it can be seen. */
const settings: Step = async (world) => {
  await world.agent('a');
  const { room, viewer } = await world.room('{"size": 192}');
  const publisher = await world.publisher(room, 'bob', { fps: 8, stream: 4, identified: false });
  await until('the size of the dispatch', () => viewer.of('bob')?.lastWidth === 192);
  publisher.send({ case: 'attributes', attributes: { 'depthcast.size': '160', 'depthcast.range': '2,0.5' } });
  await until('another size', () => viewer.of('bob')?.lastWidth === 160);
  const attributes = () => viewer.of('bob')?.attributes ?? {};
  await until('the range', () => attributes()['depthcast.near'] === '2' && attributes()['depthcast.far'] === '0.5');
  publisher.send({ case: 'attributes', attributes: { 'depthcast.size': '161' } });
  await until('the refusal', () => attributes()['depthcast.error']?.startsWith('BAD_SIZE'));
  const { packets } = viewer.of('bob')!;
  await until('depth all the same', () => viewer.packets('bob') > packets + FLOWING);
  assert.equal(attributes()['depthcast.identity'], 'count');
  assert.equal(attributes()['depthcast.unit'], 'disparity');
  // Bad from the start: the configured settings hold.
  const other = await world.room('{"size": 161, "colour": "red"}');
  await world.publisher(other.room, 'ben', { fps: 8, stream: 5, attributes: { 'depthcast.range': 'far' } });
  await until('depth of settings that cannot be used', () => other.viewer.packets('ben') > FLOWING);
  await until('their refusal', () => other.viewer.of('ben')?.attributes['depthcast.error']?.startsWith('BAD_OPTION'));
  assert.equal(other.viewer.of('ben')!.lastWidth, 160);
  return `sizes 192 and 160, a fixed range; ${attributes()['depthcast.error']?.split(' ')[0]} for a size that there is not`;
};

/** A dispatch is deleted while its agent joins: nobody stays behind in the room, and the places are free again. */
const cancelled: Step = async (world) => {
  const agent = await world.agent('a');
  const { room } = await world.room();
  await world.publisher(room, 'heidi', { fps: 4, stream: 16 });
  let deleted = 0;
  for (let i = 0; i < 6; i++) {
    const [dispatch] = (await world.api.dispatches(room)).filter(({ state }) => !state?.deletedAt);
    // Sooner and later after it was made.
    await sleep(150 * i);
    if (dispatch) await world.api.deleteDispatch(room, dispatch.id);
    deleted++;
    await world.api.dispatch(room, 'depth', '');
  }
  const rest = async () => (await world.api.dispatches(room)).filter(({ state }) => !state?.deletedAt);
  for (const { id } of await rest()) await world.api.deleteDispatch(room, id);
  await until('a room without agents', async () => (await world.served(room)).length === 0);
  await sleep(3000);
  assert.deepEqual(await world.served(room), [], 'an agent came back to a room that does not ask any more');
  agent.signal('SIGTERM');
  assert.equal(await Promise.race([agent.gone(), sleep(40_000, 'still there')]), 0, agent.log);
  return `${deleted} dispatches deleted at other moments; nobody stayed in the room, and the agent ended at once`;
};

/** Publishers that two agents share, and that either carries alone. */
const MAX_JOBS = 6;

/** Two agents share; one dies, the other takes over what it had. */
const killed: Step = async (world) => {
  const agents = [await world.agent('a', { max: MAX_JOBS }), await world.agent('b', { max: MAX_JOBS })];
  const { room, viewer } = await world.room();
  const jobsOf = (agent: (typeof agents)[number]) =>
    new Set(agent.lines.filter(({ msg }) => msg === 'first depth').map(({ job }) => job)).size;
  const names: string[] = [];
  // The server draws lots, weighted by what the agents have free: four of four to one agent is no fault, six of six is.
  while (names.length < 4 || (names.length < MAX_JOBS && !agents.every((agent) => jobsOf(agent) >= 1))) {
    const name = `p${names.length}`;
    await world.publisher(room, name, { fps: 4, stream: 5 + names.length });
    names.push(name);
    await until(`depth of ${name}`, () => viewer.packets(name) >= FLOWING);
    // Loads are reported every 2 s.
    await sleep(500);
  }
  const shares = agents.map(jobsOf);
  assert.ok(
    shares.every((share) => share >= 1),
    `the agents have ${shares.join(' and ')} publishers`,
  );
  const victim = agents[0]!;
  const at = Date.now();
  await victim.kill();
  const before = new Map(names.map((name) => [name, viewer.packets(name)]));
  const flows = (name: string) => {
    const seen = viewer.of(name)!;
    return seen.packets > before.get(name)! + FLOWING && Date.now() - seen.lastAt < 1000;
  };
  const back = new Map<string, number>();
  await until('depth of all from the other agent', () => {
    for (const name of names) if (!back.has(name) && flows(name)) back.set(name, Date.now() - at);
    return back.size === names.length && jobsOf(agents[1]!) === names.length;
  });
  const took = Math.max(...back.values());
  world.measured['agentBack'] = took;
  return `${shares.join(' and ')} of ${names.length} publishers; depth of those of the killed one back after ${against(took, PROMISED.agentBack)}`;
};

/** The server goes and comes back; rooms and the worker's connection are there again by themselves. */
const restarted: Step = async (world) => {
  const agent = await world.agent('a');
  const { room, viewer } = await world.room();
  await world.publisher(room, 'carol', { fps: 8, stream: 9 });
  await until('depth', () => viewer.packets('carol') >= FLOWING);
  const at = Date.now();
  await world.restartServer(1000);
  const before = viewer.packets('carol');
  const seen = await until('depth again', () => {
    const now = viewer.of('carol')!;
    return now.packets > before + FLOWING && now.lastAt > at + 1000 ? now : undefined;
  });
  const took = seen.lastAt - at;
  world.measured['serverBack'] = took;
  await until(
    'the worker registered again',
    () => agent.lines.filter(({ msg }) => msg.startsWith('registered')).length > 1,
  );
  return `depth again ${against(took, PROMISED.serverBack)} after the server was killed, which was away for 1 s`;
};

/** Publishers that were there before any worker, and one too many for it. */
const late: Step = async (world) => {
  const { room, viewer } = await world.room();
  await world.publisher(room, 'dave', { fps: 4, stream: 12 });
  await world.publisher(room, 'erin', { fps: 4, stream: 13 });
  await world.agent('a', { max: 1 });
  const [one] = await until('depth of one', () => {
    const names = ['dave', 'erin'].filter((name) => viewer.packets(name) >= FLOWING);
    return names.length > 0 ? names : undefined;
  });
  await sleep(3000);
  const other = one === 'dave' ? 'erin' : 'dave';
  assert.equal(viewer.packets(other), 0, 'an agent took more than it may');
  await world.agent('b', { max: 1 });
  await until('depth of the other', () => viewer.packets(other) >= FLOWING);
  return 'both have depth, each by an agent that came after it';
};

/** SIGTERM: what runs goes on until its publisher leaves, nothing new is taken, then the process ends. */
const drained: Step = async (world) => {
  const agent = await world.agent('a');
  const { room, viewer } = await world.room();
  const publisher = await world.publisher(room, 'frank', { fps: 8, stream: 14 });
  await until('depth', () => viewer.packets('frank') >= FLOWING);
  agent.signal('SIGTERM');
  await sleep(500);
  await world.publisher(room, 'grace', { fps: 4, stream: 15 });
  const before = viewer.packets('frank');
  await until('depth while it drains', () => viewer.packets('frank') > before + 2 * FLOWING);
  assert.equal(viewer.packets('grace'), 0, 'a draining agent took another publisher');
  await publisher.end();
  const code = await Promise.race([agent.gone(), sleep(40_000, 'still there')]);
  assert.equal(code, 0, agent.log);
  return 'it went on, took nobody else, and ended with 0 when its publisher had left';
};

export const steps: [string, Step][] = [
  ['which picture depth is of', identity],
  ['settings', settings],
  ['dispatches are deleted', cancelled],
  ['an agent is killed', killed],
  ['the server is restarted', restarted],
  ['agents come late or are full', late],
  ['a browser', browserStep],
  ['an agent drains', drained],
];
