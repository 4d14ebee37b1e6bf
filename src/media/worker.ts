import { workerData } from 'node:worker_threads';
import { reloadConfig } from '../config/reload.ts';
import { PortInferencer } from '../depth/port-inferencer.ts';
import { DepthcastError } from '../errors.ts';
import { Metrics } from '../metrics/metrics.ts';
import { LocalSource } from '../session/local-source.ts';
import { Publisher } from '../session/publisher.ts';
import { Registry } from '../session/registry.ts';
import { Viewer } from '../session/viewer.ts';
import { callOnThisThread } from '../video/index.ts';
import { readSchedule, warmUpDtls } from '../webrtc/index.ts';
import { answerRequests, tellNearEnd } from '../worker-answers.ts';
import { HostedSessions } from './hosted-sessions.ts';
import type {
  DepthWorker,
  Hosted,
  HostRequest,
  MediaBoot,
  MediaCalls,
  MediaNews,
  Opened,
  OpenRequest,
} from './protocol.ts';

// A media worker's thread: peers, sources, codecs and sinks of its streams, as they are without workers on the main thread.

const VIEW_MS = 1000;
/** A worker that ends by itself tells its peers within this time, or not at all. */
const LAST_WORDS_MS = 500;

const tell = tellNearEnd<MediaNews>;

callOnThisThread();
const { config } = workerData as MediaBoot;
const metrics = new Metrics();
metrics.setTargets(config.targets);
/** Names, limits and admission are the main thread's: here a viewer only finds its stream. */
const registry = new Registry();
const admission = {
  reserve: (name: string) => registry.reserve(name),
  view: (name: string) => registry.view(name),
  checkWorkers: () => {},
};
const inferencers = new Map<number, PortInferencer>();
const sessions = new HostedSessions(tell, inferencerOf);

// What failed may have left anything behind: the peers are told, and the next worker takes new ones.
let dying = false;
process.on('uncaughtException', (thrown: unknown) => {
  if (dying) process.exit(1);
  dying = true;
  tell({ case: 'dying', detail: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown) });
  setTimeout(() => process.exit(1), LAST_WORDS_MS);
  void sessions.close('failed', new DepthcastError('MEDIA_WORKER_DIED')).then(() => setTimeout(() => process.exit(1)));
});

await warmUpDtls();
setInterval(() => {
  const [nanoseconds] = readSchedule() ?? [];
  const cpuSeconds = nanoseconds === undefined ? undefined : nanoseconds / 1e9;
  tell({ case: 'views', cpuSeconds, views: sessions.views() });
}, VIEW_MS);
// Begun as they come: an offer that waits for a network does not hold the others up.
answerRequests<MediaCalls, void>(
  {
    open,
    host,
    call: (asked) => sessions.call(asked),
    metrics: () => metrics.registry.getMetricsAsJSON(),
    depth: connect,
    depthLost: (inferencer) => inferencers.get(inferencer)?.lose(),
    configure: (next) => {
      reloadConfig(config, next);
      metrics.setTargets(config.targets);
    },
    end: (reason) => end(reason).finally(() => process.exit()),
  },
  () => {},
  { atOnce: true },
);

function connect({ inferencer, port, ...facts }: DepthWorker): void {
  const known = inferencers.get(inferencer) ?? new PortInferencer(facts);
  inferencers.set(inferencer, known);
  if (port) known.connect(port, facts);
}

async function end(reason: string): Promise<void> {
  await registry.close(reason);
  await sessions.recorded();
}

async function open(request: OpenRequest): Promise<Opened> {
  const context = { config, metrics, registry, admission };
  const session =
    request.kind === 'view'
      ? await Viewer.open(context, request.offer, request.name, request.options)
      : await Publisher.open({ ...context, pool: poolOf(request) }, request.offer, request.options);
  const { id, peer, closed } = session;
  if (!closed) sessions.add(session);
  return { id, answer: peer.answerSdp, notes: peer.notes, closed, view: sessions.viewOf(session) };
}

async function host(request: HostRequest): Promise<Hosted> {
  const { options } = request;
  const { filled, free } = registry.reserve(options.name);
  try {
    const source = await LocalSource.open({ config, metrics, pool: poolOf(request) }, options);
    source.once('closed', free);
    sessions.addSource(source);
    filled(source.stream);
    return { id: source.id, view: sessions.viewOfSource(source) };
  } catch (thrown) {
    free();
    throw thrown;
  }
}

/** What the main thread has chosen. */
const poolOf = ({ inferencer, options }: { inferencer: number; options: { size: number } }) => ({
  get: async () => inferencerOf(inferencer),
  sizeOf: () => options.size,
});

function inferencerOf(number: number): PortInferencer {
  const inferencer = inferencers.get(number);
  if (inferencer === undefined) throw new DepthcastError('INTERNAL', { detail: `no depth worker ${number}` });
  return inferencer;
}
