import { type Attributes, type Span, SpanStatusCode, trace } from '@opentelemetry/api';
import { DepthcastError, toDepthcastError } from '../errors.ts';
import type { Metrics, Milestone } from '../metrics/metrics.ts';
import type { ServerContext } from './server-context.ts';
import type { Session } from './session.ts';
import type { VideoReport } from './session-report.ts';
import { short } from './short-id.ts';

/** Kinds that are told apart in one session. */
const MAX_TROUBLES = 20;

export type TelemetryContext = Pick<ServerContext, 'log' | 'version'> & { metrics: Pick<Metrics, 'observeSetup'> };

/**
 * Opens a session, and follows it to its end.
 * @param stream public name of the stream; a ws session's is secret and stays out
 */
export async function followed<S extends Session>(
  context: TelemetryContext,
  kind: Session['kind'],
  stream: string | undefined,
  open: () => Promise<S>,
): Promise<S> {
  const telemetry = new SessionTelemetry(context, kind, stream);
  try {
    const session = await open();
    telemetry.follow(session);
    return session;
  } catch (thrown) {
    telemetry.refused(thrown);
    throw thrown;
  }
}

/**
 * What one session leaves for operators: log lines, and an OpenTelemetry span `depthcast.session` with the events
 * `answered`, `connected` and `first depth`. Without a tracer provider in the process the span costs nothing.
 */
class SessionTelemetry {
  readonly #context: TelemetryContext;
  readonly #kind: string;
  readonly #span: Span;
  readonly #began = performance.now();
  #facts: Attributes;
  readonly #troubles = new Map<string, { code: string; detail: string; count: number }>();

  constructor(context: TelemetryContext, kind: Session['kind'], stream: string | undefined) {
    this.#context = context;
    this.#kind = kind;
    this.#facts = { kind, ...(stream === undefined ? {} : { stream }) };
    this.#span = trace.getTracer('depthcast', context.version).startSpan('depthcast.session');
    this.#span.setAttributes(prefixed(this.#facts));
  }

  /** The offer was answered: follows the session to its end. */
  follow(session: Session): void {
    const { peer, stream } = session;
    this.#facts = { session: short(session.id), ...this.#facts };
    this.#span.setAttributes(prefixed({ session: short(session.id), model: stream.model }));
    this.#event('answered');
    this.#context.log.info(this.#facts, 'session opened');
    peer.once('connected', () => this.#reached('connected'));
    const onFirst = () => this.#reached('first_depth');
    if (session.kind !== 'whep') stream.once('started', onFirst);
    session.on('trouble', (error) => this.#trouble(error));
    for (const note of peer.notes) this.#trouble(new DepthcastError('NOT_NEGOTIATED', { detail: note }));
    const ended = (reason: string, error?: DepthcastError) => {
      stream.off('started', onFirst);
      this.#end(reason, error, { frames: stream.frames, epoch: stream.last.epoch }, session.report().video);
    };
    if (session.closed) ended('stream ended');
    else session.once('closed', ended);
  }

  /** No session came of it. */
  refused(thrown: unknown): void {
    const error = toDepthcastError(thrown);
    this.#span.setAttributes(prefixed({ reason: 'refused', code: error.code }));
    this.#span.setStatus({ code: SpanStatusCode.ERROR, message: error.code });
    this.#span.end();
    const { code, detail } = error;
    this.#context.log.info({ ...this.#facts, code, detail }, 'session refused');
  }

  /** The first of each kind is a line of the log; the others are counted for the last line. */
  #trouble({ code, detail = '' }: DepthcastError): void {
    // Counts in a text make no other kind of it.
    const kind = `${code} ${detail.replaceAll(/\d+/g, '#')}`;
    const known = this.#troubles.get(kind);
    if (known) known.count++;
    else if (this.#troubles.size < MAX_TROUBLES) {
      this.#troubles.set(kind, { code, detail, count: 1 });
      this.#context.log.warn({ ...this.#facts, code, detail }, 'session problem');
    }
  }

  #reached(milestone: Milestone): void {
    this.#context.metrics.observeSetup(this.#kind, milestone, performance.now() - this.#began);
    this.#event(milestone.replace('_', ' '));
  }

  #event(name: string): void {
    const ms = Math.round(performance.now() - this.#began);
    this.#span.addEvent(name, { 'depthcast.ms': ms });
    this.#context.log.debug({ ...this.#facts, ms }, `session ${name}`);
  }

  #end(reason: string, error: DepthcastError | undefined, counts: Attributes, video: VideoReport | undefined): void {
    const seconds = Math.round((performance.now() - this.#began) / 100) / 10;
    const cause = error ? { code: error.code, ...(error.detail === undefined ? {} : { detail: error.detail }) } : {};
    const troubles = [...this.#troubles.values()].map(({ code, detail, count }) => `${count} x ${code}: ${detail}`);
    const facts = { reason, ...cause, seconds, ...counts, ...(troubles.length > 0 ? { troubles } : {}) };
    this.#span.setAttributes(prefixed(facts));
    if (error) this.#span.setStatus({ code: SpanStatusCode.ERROR, message: error.code });
    this.#span.end();
    this.#context.log.info({ ...this.#facts, ...facts, ...(video ? { video } : {}) }, 'session ended');
  }
}

const prefixed = (facts: Attributes): Attributes =>
  Object.fromEntries(Object.entries(facts).map(([key, value]) => [`depthcast.${key}`, value]));
