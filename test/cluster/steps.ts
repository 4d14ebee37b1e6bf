import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { BASES, SHARED_BASE } from './balancer.ts';
import type { Cluster } from './cluster.ts';
import { ask } from './http-client.ts';
import { type ClientReport, GONE } from './protocol.ts';
import { DRAIN_SECONDS, PLACES } from './replica.ts';

const PUBLISHERS = 12;
const VIEWERS = 24;
const SDK_SESSIONS = 3;
/**
 * What the documents promise of a machine with nothing else to do. It is told, not asserted: here thirty clients, three
 * servers and whatever else runs share the cores. Two minutes are what anything may take.
 */
const PROMISED = { publishers: 3000, viewers: 5000 };

/** How much fuller or emptier than the mean a replica may be. */
const SPREAD = 0.2;

/** Frames by which it shows that depth goes on. */
const MORE = 5;

const name = (i: number): string => `cam-${i % PUBLISHERS}`;
const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
const against = (ms: number, promised: number): string =>
  `${seconds(ms)} (${ms <= promised ? 'within' : 'not within'} ${promised / 1000} s)`;
const most = (values: number[]): number => Math.max(0, ...values);
/** A balancer first and the other one if it does not answer, as a name with two addresses does it. */
const fromBalancer = (first: number): string[] => [BASES[first % 2]!, BASES[(first + 1) % 2]!];

type Step = (cluster: Cluster, measured: Record<string, number>) => Promise<string>;

const place: Step = async (cluster) => {
  const { clients } = cluster;
  for (let i = 0; i < PUBLISHERS; i++) {
    clients.open({ id: `pub-${i}`, kind: 'publish', stream: name(i), bases: fromBalancer(i) });
    await clients.until(`publisher ${i}`, () => clients.get(`pub-${i}`)?.connected === true);
    await cluster.settled();
  }
  const placed = cluster.placed('pub-');
  assert.equal(
    placed.reduce((a, b) => a + b),
    PUBLISHERS,
  );
  // Of each replica's places: balancers give out in proportion to what is free, not one by one to the emptiest.
  for (const count of placed)
    assert.ok(
      Math.abs(count - PUBLISHERS / placed.length) <= SPREAD * PLACES,
      `publishers are spread unevenly: ${placed.join(', ')}`,
    );
  return `${placed.join(', ')} publishers`;
};

const view: Step = async (cluster) => {
  const { clients } = cluster;
  for (let i = 0; i < VIEWERS; i++) {
    // The first of each stream comes through the balancer that its publisher did not use.
    const first = i < PUBLISHERS ? i + 1 : i;
    clients.open({ id: `view-${i}`, kind: 'view', stream: name(i), bases: fromBalancer(first) });
    if (i % 4 === 3) await clients.until('viewers', () => clients.all('view-').every(flows));
  }
  await clients.until('depth at every viewer', () => all(cluster, 'view-', VIEWERS).every(flows));
  for (const viewer of clients.all('view-')) {
    const publisher = clients.get(viewer.id.replace(/view-(\d+)/, (_, i) => `pub-${Number(i) % PUBLISHERS}`))!;
    assert.equal(viewer.replica, publisher.replica, `${viewer.id} is elsewhere than its publisher`);
    // A publisher that had to begin anew on a busy machine was away meanwhile.
    const why = `${viewer.id} did not find its stream at once; its publisher: ${JSON.stringify(publisher)}`;
    if (publisher.sessions === 1) assert.deepEqual(missed(viewer), [], why);
  }
  await asDecoded(cluster);
  const placed = cluster.placed('view-');
  return `${placed.join(', ')} viewers, half of them through the other balancer than their publisher`;
};

/** Names are read as the replicas read them, however they are written. */
async function asDecoded({ clients }: Cluster): Promise<void> {
  for (const [i, base] of BASES.entries()) {
    const id = `late-encoded-${i}`;
    clients.open({ id, kind: 'view', stream: `%63am%2D${i}`, bases: [base] });
    await clients.until('a viewer of an encoded name', () => flowsAgain(clients.get(id)));
    assert.deepEqual(missed(clients.get(id)!), [], `${id} did not find its stream at once`);
    assert.equal(clients.get(id)!.replica, clients.get(`pub-${i}`)!.replica);
    clients.close(id);
    const { status } = await ask([base], '/%6detrics', { method: 'GET', localAddress: '127.0.1.253' });
    assert.equal(status, 404, "a replica's metrics through a balancer");
  }
}

const twoWay: Step = async (cluster) => {
  const { clients } = cluster;
  for (let i = 0; i < SDK_SESSIONS; i++) {
    clients.open({ id: `sdk-${i}`, kind: 'duplex', stream: '', bases: [SHARED_BASE] });
    await clients.until('an SDK session', () => flowsAgain(clients.get(`sdk-${i}`)));
    await cluster.settled();
  }
  return `${cluster.placed('sdk-').join(', ')} sessions of the SDK`;
};

const sums: Step = async (cluster) => {
  const wanted = {
    whip: PUBLISHERS,
    whep: VIEWERS,
    ws: SDK_SESSIONS,
    streams: PUBLISHERS + SDK_SESSIONS,
    places: 3 * PLACES,
  };
  const look = async () => ({
    whip: await cluster.metric('depthcast_sessions', { kind: 'whip' }),
    whep: await cluster.metric('depthcast_sessions', { kind: 'whep' }),
    ws: await cluster.metric('depthcast_sessions', { kind: 'ws' }),
    streams: await cluster.metric('depthcast_streams'),
    places: await cluster.metric('depthcast_streams_limit'),
  });
  // On a busy machine a client may just be on its way back.
  const deadline = performance.now() + 20_000;
  let found = await look();
  while (!isDeepStrictEqual(found, wanted) && performance.now() < deadline) {
    await sleep(500);
    found = await look();
  }
  assert.deepEqual(found, wanted);
  const made = () => cluster.metric('depthcast_frames_total', { outcome: 'depth' });
  const before = await made();
  await sleep(1000);
  assert.ok((await made()) > before, 'no depth is made');
  const loads = await Promise.all(
    cluster.replicas.map((replica) => replica.metric('depthcast_depth_utilisation_ratio')),
  );
  return `sessions and streams add up; utilisation ${loads.map((load) => load.toFixed(2)).join(', ')}`;
};

const balancerKilled: Step = async (cluster, measured) => {
  const { clients } = cluster;
  const before = new Map([...clients.all('pub-'), ...clients.all('view-')].map((client) => [client.id, client]));
  const at = Date.now();
  await cluster.balancers[0]!.kill();
  await clients.until('more depth at every viewer', () =>
    clients.all('view-').every(({ id, frames }) => frames > before.get(id)!.frames + MORE),
  );
  // Media that a busy machine lost for so long that its peer gave up is not the balancer's doing.
  for (const { id, ends } of [...clients.all('pub-'), ...clients.all('view-')])
    assert.ok(!ends.slice(before.get(id)!.ends.length).includes(GONE), `${id} lost its session: ${ends.join(', ')}`);
  await clients.until('the SDK sessions', () => clients.all('sdk-').every(flows));
  const moved = clients.all('sdk-').filter(({ sessions }) => sessions > 1);
  measured['sdkBackAfterBalancer'] = most(moved.map(({ connectedAt }) => connectedAt - at));
  // A viewer that comes now, and one through the restarted balancer, which learned from the other.
  clients.open({ id: 'late-0', kind: 'view', stream: name(0), bases: fromBalancer(0) });
  await clients.until('a viewer through the other balancer', () => flowsAgain(clients.get('late-0')));
  await cluster.restartBalancer(0);
  clients.open({ id: 'late-1', kind: 'view', stream: name(1), bases: [BASES[0]!] });
  await clients.until('a viewer through the restarted balancer', () => flowsAgain(clients.get('late-1')));
  assert.deepEqual(missed(clients.get('late-1')!), [], 'the restarted balancer did not know the stream');
  for (const id of ['late-0', 'late-1']) clients.close(id);
  const back = moved.length > 0 ? `, back after ${seconds(measured['sdkBackAfterBalancer']!)}` : '';
  return `WHIP and WHEP did not notice; ${moved.length} of ${SDK_SESSIONS} SDK sessions went through it${back}`;
};

const replicaKilled: Step = async (cluster, measured) => {
  const { clients } = cluster;
  // The one that has a session of the SDK, with the most to lose.
  const index = cluster.replicas.findIndex(({ address }) =>
    clients.all('sdk-').some(({ replica }) => replica === address),
  );
  const victim = cluster.replicas[index]!;
  const lost = clients.all('').filter(({ replica }) => replica === victim.address);
  const at = Date.now();
  await victim.kill();
  const moved = (report: ClientReport | undefined) => report !== undefined && report.answeredAt > at;
  await clients.until('every client of it elsewhere', () =>
    lost.every(
      ({ id }) =>
        moved(clients.get(id)) && (id.startsWith('pub-') ? clients.get(id)!.connected : flows(clients.get(id)!)),
    ),
  );
  const after = (prefix: string, of: (report: ClientReport) => number) =>
    lost.filter(({ id }) => id.startsWith(prefix)).map(({ id }) => of(clients.get(id)!) - at);
  const publishers = most(after('pub-', ({ connectedAt }) => connectedAt));
  const sdk = most(after('sdk-', ({ connectedAt }) => connectedAt));
  const viewers = most(after('view-', ({ firstFrameAt }) => firstFrameAt));
  Object.assign(measured, { publishersBack: publishers, sdkBack: sdk, viewersBack: viewers });
  for (const { id } of lost) assert.notEqual(clients.get(id)!.replica, victim.address, id);
  await cluster.restartReplica(index);
  const counts = ['pub-', 'view-', 'sdk-'].map((prefix) => lost.filter(({ id }) => id.startsWith(prefix)).length);
  const back = [against(publishers, PROMISED.publishers), against(sdk, PROMISED.publishers)];
  return `${counts[0]} publishers back after ${back[0]}, ${counts[2]} of the SDK ${back[1]}, ${counts[1]} viewers see depth after ${against(viewers, PROMISED.viewers)}`;
};

const drained: Step = async (cluster, measured) => {
  const { clients } = cluster;
  const counts = cluster.placed('pub-');
  const index = counts.indexOf(Math.max(...counts));
  const { address, base } = cluster.replicas[index]!;
  const own = clients.all('').filter(({ replica }) => replica === address);
  const began = Date.now();
  const gone = cluster.replicas[index]!.drain();
  await cluster.settled();
  const direct = await ask([base], '/whip/another', {
    method: 'POST',
    localAddress: '127.0.1.251',
    headers: { 'content-type': 'application/sdp' },
    body: 'v=0\r\n',
  });
  assert.equal(direct.status, 503);
  assert.equal(JSON.parse(direct.body).code, 'DRAINING');
  const retryAfter = Number(direct.headers['retry-after']);
  assert.ok(retryAfter > 0);
  for (let i = 0; i < 3; i++) {
    clients.open({ id: `new-${i}`, kind: 'publish', stream: `new-${i}`, bases: fromBalancer(i) });
    await clients.until('a new publisher', () => clients.get(`new-${i}`)?.connected === true);
  }
  for (const { id, replica, refusals } of clients.all('new-')) {
    assert.notEqual(replica, address, `${id} came to the replica that drains`);
    assert.deepEqual(refusals, [], `${id} was refused`);
  }
  // Those that it has go on until its time is over; a busy machine may have come here later.
  const early = own.filter(({ id, sessions }) => clients.get(id)!.sessions !== sessions);
  if (Date.now() - began < DRAIN_SECONDS * 1000) assert.deepEqual(early, [], 'some were ended early');
  else console.log(`busy    the drain was over before it was seen who stays`);
  // Two replicas have places for those that it has, but not for these too.
  for (const { id } of clients.all('new-')) clients.close(id);
  const code = await gone;
  const took = Date.now() - began;
  assert.equal(code, 0);
  assert.ok(took >= DRAIN_SECONDS * 1000 - 500, `it ended after ${seconds(took)}`);
  await clients.until('those that it had elsewhere', () =>
    own.every(({ id }) => {
      const client = clients.get(id)!;
      return client.connected && client.replica !== address && (id.startsWith('pub-') || flows(client));
    }),
  );
  measured['drainedBack'] = most(own.map(({ id }) => clients.get(id)!.connectedAt - began)) - took;
  await cluster.restartReplica(index);
  return `nothing new came in ${seconds(took)}; ${own.length} clients elsewhere ${seconds(measured['drainedBack']!)} after its end`;
};

const full: Step = async (cluster) => {
  const { clients } = cluster;
  const free = 3 * PLACES - (PUBLISHERS + SDK_SESSIONS);
  for (let i = 0; i < free; i++) {
    clients.open({ id: `fill-${i}`, kind: 'publish', stream: `fill-${i}`, bases: fromBalancer(i) });
    await clients.until('a publisher that fills', () => clients.get(`fill-${i}`)?.connected === true);
  }
  assert.deepEqual(
    cluster.placed('fill-').reduce((a, b) => a + b),
    free,
    'the places are not all taken',
  );
  // At once, when replicas refuse by themselves, and when balancers have heard that all are full.
  const refused: string[] = [];
  for (const settled of [false, true]) {
    if (settled) await cluster.settled();
    for (const base of BASES) {
      const { status, headers, body } = await ask([base], '/whip/one-more', {
        method: 'POST',
        localAddress: '127.0.1.252',
        headers: { 'content-type': 'application/sdp' },
        body: 'v=0\r\n',
      });
      assert.equal(status, 503);
      assert.equal(JSON.parse(body).code, 'BUSY');
      assert.ok(Number(headers['retry-after']) > 0, 'there is no Retry-After');
      refused.push(`${headers['retry-after']}`);
    }
  }
  // Those who are there are not concerned, nor are viewers.
  clients.open({ id: 'late-2', kind: 'view', stream: name(2), bases: [BASES[1]!] });
  await clients.until('a viewer at a full cluster', () => flowsAgain(clients.get('late-2')));
  clients.close('fill-0');
  clients.open({ id: 'again', kind: 'publish', stream: 'again', bases: fromBalancer(1) });
  await clients.until('a publisher where a place became free', () => clients.get('again')?.connected === true);
  return `503 with Retry-After ${[...new Set(refused)].join(' or ')} s at ${3 * PLACES} streams; a place that became free was taken`;
};

const all = (cluster: Cluster, prefix: string, count: number): ClientReport[] => {
  const found = cluster.clients.all(prefix);
  return found.length === count ? found : [NOBODY];
};
/** Refusals because the replica has no such stream (NO_PUBLISHER). */
const missed = ({ refusals }: ClientReport) => refusals.filter(({ status }) => status === '409');
const flows = ({ connected, firstFrameAt }: ClientReport): boolean => connected && firstFrameAt > 0;
const flowsAgain = (report: ClientReport | undefined): boolean => report !== undefined && flows(report);
const NOBODY = { connected: false, firstFrameAt: 0 } as ClientReport;

export const steps: [string, Step][] = [
  ['publishers are spread by load', place],
  ['viewers find their streams through either balancer', view],
  ['two-way sessions', twoWay],
  ['metrics add up over the replicas', sums],
  ['a balancer is killed', balancerKilled],
  ['a replica is killed', replicaKilled],
  ['a replica drains', drained],
  ['the cluster is full', full],
];
