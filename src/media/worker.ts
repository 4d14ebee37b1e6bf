import { workerData } from 'node:worker_threads';
import { reloadConfig } from '../config/reload.ts';
import { PortInferencer } from '../depth/port-inferencer.ts';
import { DepthcastError, fromPlain, toPlain } from '../errors.ts';
import { Metrics } from '../metrics/metrics.ts';
import { type Feed, feedOf } from '../session/feed.ts';
import { trackReports } from '../session/outputs.ts';
import { Publisher } from '../session/publisher.ts';
import { type Pusher, pushStream } from '../session/pusher.ts';
import { type Recorder, recordStream } from '../session/recorder.ts';
import { Registry } from '../session/registry.ts';
import { takeThumbnail } from '../session/thumbnails.ts';
import { Viewer } from '../session/viewer.ts';
import type { RecordingStatus } from '../sinks/mcap/mcap-recorder.ts';
import type { FeedFrame } from '../sinks/ros-feed.ts';
import { callOnThisThread } from '../video/index.ts';
import { readSchedule, warmUpDtls } from '../webrtc/index.ts';
import { answerRequests, tellNearEnd } from '../worker-answers.ts';
import type {
  CallAnswer,
  CallName,
  CallValue,
  DepthWorker,
  MediaBoot,
  MediaCalls,
  MediaNews,
  Opened,
  OpenRequest,
  PushNews,
  SessionCall,
  SessionEvent,
  SessionView,
  StreamView,
} from './protocol.ts';

// A media worker's thread: peers, codecs and sinks of its sessions, as they are without workers on the main thread.

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
const sessions = new Map<string, Publisher | Viewer>();
/** By session; `taken` lets the next frame be made. */
const feeds = new Map<string, { feed: Feed; taken: () => void }>();
/** By session, and by the main thread's number. */
const pushers = new Map<string, Map<number, Pusher>>();
/** By session, until their last files are closed. */
const recorders = new Map<string, Recorder>();

// What failed may have left anything behind: the peers are told, and the next worker takes new ones.
let dying = false;
process.on('uncaughtException', (thrown: unknown) => {
  if (dying) process.exit(1);
  dying = true;
  tell({ case: 'dying', detail: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown) });
  setTimeout(() => process.exit(1), LAST_WORDS_MS);
  const ended = [...sessions.values()].map((session) =>
    session.close('failed', new DepthcastError('MEDIA_WORKER_DIED')),
  );
  void Promise.allSettled(ended).then(() => setTimeout(() => process.exit(1)));
});

await warmUpDtls();
setInterval(() => {
  const [nanoseconds] = readSchedule() ?? [];
  const cpuSeconds = nanoseconds === undefined ? undefined : nanoseconds / 1e9;
  tell({ case: 'views', cpuSeconds, views: [...sessions].map(([id, session]) => [id, viewOf(session)]) });
}, VIEW_MS);
// Begun as they come: an offer that waits for a network does not hold the others up.
answerRequests<MediaCalls, void>(
  {
    open,
    call,
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

function connect({ inferencer, model, device, resamples, port }: DepthWorker): void {
  const known = inferencers.get(inferencer) ?? new PortInferencer(model, device, resamples);
  inferencers.set(inferencer, known);
  if (port) known.connect(port);
}

async function end(reason: string): Promise<void> {
  await registry.close(reason);
  await Promise.all([...recorders.values()].map((recorder) => recorder.ended()));
}

async function open(request: OpenRequest): Promise<Opened> {
  const context = { config, metrics, registry, admission };
  const session =
    request.kind === 'view'
      ? await Viewer.open(context, request.offer, request.name, request.options)
      : await Publisher.open({ ...context, pool: poolOf(request) }, request.offer, request.options);
  const { id, peer, closed } = session;
  if (!closed) watch(session);
  return { id, answer: peer.answerSdp, notes: peer.notes, closed, view: viewOf(session) };
}

/** What the main thread has chosen. */
const poolOf = ({ inferencer, options }: Extract<OpenRequest, { kind: 'publish' }>) => ({
  get: async () => inferencerOf(inferencer),
  sizeOf: () => options.size,
});

function watch(session: Publisher | Viewer): void {
  const { id } = session;
  sessions.set(id, session);
  const emit = (value: SessionEvent) => tell({ case: 'session', session: id, value });
  session.peer.once('connected', () => emit({ event: 'connected' }));
  if (session instanceof Publisher) session.stream.once('started', () => emit({ event: 'started' }));
  session.on('report', (report) => emit({ event: 'report', report, view: viewOf(session) }));
  session.on('trouble', (error, about) =>
    emit({ event: 'trouble', error: toPlain(error), about, view: viewOf(session) }),
  );
  session.once('closed', (reason, error) => {
    sessions.delete(id);
    feeds.delete(id);
    emit({ event: 'closed', reason, error: error && toPlain(error), view: viewOf(session) });
    pushers.delete(id);
  });
}

function viewOf(session: Publisher | Viewer): SessionView {
  return {
    report: session.report(),
    peer: session.peer.getStats(),
    stream: session instanceof Publisher ? streamView(session) : undefined,
  };
}

function streamView({ id, stream }: Publisher): StreamView {
  const { last, source, unit, hfov, frames, size, watched, demand, stats } = stream;
  const { rate, milliseconds } = demand;
  const { totals, latest } = stats;
  const codec = source?.codec;
  const tracks = trackReports(stream);
  const recording = recorders.get(id)?.status;
  const outputs = [...(pushers.get(id) ?? [])].map(([output, { status }]): StreamView['outputs'][0] => [
    output,
    status,
  ]);
  const seen = { last, codec, unit, hfov, frames, size, watched, totals, latest, tracks, recording, outputs };
  return { ...seen, demand: { rate, milliseconds } };
}

function inferencerOf(number: number): PortInferencer {
  const inferencer = inferencers.get(number);
  if (inferencer === undefined) throw new DepthcastError('INTERNAL', { detail: `no depth worker ${number}` });
  return inferencer;
}

type Calls = { [K in CallName]: (session: Publisher, value: CallValue<K>) => CallAnswer<K> | Promise<CallAnswer<K>> };

/** Of viewers only the first two and the last are asked for. */
const CALLS: Calls = {
  addCandidate: ({ peer }, candidate) => peer.addCandidate(candidate),
  restart: async ({ peer }, { sdp, bytes }) => ({ answer: await peer.restart(sdp, bytes), notes: peer.notes }),
  checkLayout: (session, layout) => session.checkLayout(layout),
  setTrack: (session, on) => session.setTrack(on),
  setLayout: (session, layout) => session.setLayout(layout),
  setData: (session, output) => session.setData(output),
  setUpsampling: ({ stream }, upsampling) => {
    stream.upsampling = upsampling;
  },
  setRange: ({ stream }, range) => stream.setRange(range),
  setSize: ({ stream }, size) => stream.setSize(size),
  setStill: ({ stream }, on) => stream.setStill(on),
  setMatte: ({ stream }, next) => stream.setMatte(next),
  reduce: ({ stream }, steps) => stream.reduce(steps),
  setInferencer: ({ stream }, { inferencer, size }) => stream.setInferencer(inferencerOf(inferencer), size),
  setCamera: ({ stream }, camera) => stream.setCamera(camera),
  anchor: ({ stream }, anchors) => stream.anchor(anchors),
  reset: ({ stream }) => stream.reset(),
  thumbnail: ({ stream }) => takeThumbnail(stream),
  feed: ({ id, stream }, request) => {
    const feed = feeds.get(id) ?? openFeed(id, stream);
    feeds.set(id, feed);
    feed.feed.ask(request);
  },
  fed: ({ id }) => feeds.get(id)?.taken(),
  record: ({ id, stream }, options) => {
    const failed = (error: DepthcastError) =>
      tell({ case: 'session', session: id, value: { event: 'recording failed', error: toPlain(error) } });
    recorders.get(id)?.close();
    recorders.set(id, recordStream(stream, options, failed));
  },
  stopRecording: ({ id }) => stopRecording(id),
  send: ({ id, stream }, { output, settings }) => {
    const news = (value: PushNews) =>
      tell({ case: 'session', session: id, value: { event: 'output', output, news: value } });
    const pusher = pushStream(stream, settings, {
      onLive: (status) => news({ event: 'live', status }),
      onLost: (error, retryMs) => news({ event: 'lost', error: toPlain(error), retryMs, status: pusher.status }),
      onNote: (what) => news({ event: 'note', what }),
    });
    const those = pushers.get(id) ?? new Map<number, Pusher>();
    pushers.set(id, those.set(output, pusher));
  },
  stopSending: ({ id }, output) => {
    pushers.get(id)?.get(output)?.close();
    pushers.get(id)?.delete(output);
  },
  close: (session, { reason, error }) => session.close(reason, error && fromPlain(error)),
};

function openFeed(session: string, stream: Publisher['stream']) {
  const opened = {
    taken: () => {},
    feed: feedOf(stream, (frame: FeedFrame) => {
      tell({ case: 'session', session, value: { event: 'feed', frame } });
      return new Promise<void>((resolve) => {
        opened.taken = resolve;
      });
    }),
  };
  return opened;
}

async function stopRecording(session: string): Promise<RecordingStatus | undefined> {
  const recorder = recorders.get(session);
  recorder?.close();
  await recorder?.ended();
  if (recorders.get(session) === recorder) recorders.delete(session);
  return recorder?.status;
}

function call({ session: id, call: name, value }: SessionCall): unknown {
  if (name === 'stopRecording') return stopRecording(id);
  const session = sessions.get(id);
  if (session === undefined) throw new DepthcastError('SESSION_NOT_FOUND');
  return CALLS[name](session as Publisher, value as never);
}
