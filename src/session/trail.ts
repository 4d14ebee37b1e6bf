import { type Attributes, type Span, SpanStatusCode, trace } from '@opentelemetry/api';
import { type DepthcastError, toDepthcastError } from '../errors.ts';
import type { Milestone } from '../metrics/metrics.ts';
import type { House } from './house.ts';
import type { Publisher } from './publisher.ts';
import type { Viewer } from './viewer.ts';

/** A session's id is its key: logs and traces show enough of it to follow one. */
export const short = (id: string): string => id.slice(0, 6);

/**
 * What one session leaves for operators: log lines, and an OpenTelemetry span `depthcast.session` with the events
 * `answered`, `connected` and `first depth`. Without a tracer provider in the process the span costs nothing.
 */
export class SessionTrail {
  readonly #house: House;
  readonly #kind: string;
  readonly #span: Span;
  readonly #began = performance.now();
  #facts: Attributes;

  /** @param stream public name of the stream; a ws session's is secret and stays out */
  constructor(house: House, kind: 'ws' | 'whip' | 'whep', stream: string | undefined) {
    this.#house = house;
    this.#kind = kind;
    this.#facts = { kind, ...(stream === undefined ? {} : { stream }) };
    this.#span = trace.getTracer('depthcast', house.version).startSpan('depthcast.session');
    this.#span.setAttributes(prefixed(this.#facts));
  }

  /** The offer was answered: follows the session to its end. */
  follow(session: Publisher | Viewer): void {
    const { peer, stream } = session;
    this.#facts = { session: short(session.id), ...this.#facts };
    this.#span.setAttributes(prefixed({ session: short(session.id), model: stream.model }));
    this.#event('answered');
    this.#house.log.info(this.#facts, 'session opened');
    peer.once('connected', () => this.#reached('connected'));
    const onFirst = () => this.#reached('first_depth');
    if (session.kind !== 'whep') stream.once('started', onFirst);
    session.once('closed', (reason, error) => {
      stream.off('started', onFirst);
      this.#end(reason, error, { frames: stream.frames, epoch: stream.last.epoch });
    });
  }

  /** No session came of it. */
  refused(thrown: unknown): void {
    const error = toDepthcastError(thrown);
    this.#span.setAttributes(prefixed({ reason: 'refused', code: error.code }));
    this.#span.setStatus({ code: SpanStatusCode.ERROR, message: error.code });
    this.#span.end();
    const { code, detail } = error;
    this.#house.log.info({ ...this.#facts, code, detail }, 'session refused');
  }

  #reached(milestone: Milestone): void {
    this.#house.metrics.observeSetup(this.#kind, milestone, performance.now() - this.#began);
    this.#event(milestone.replace('_', ' '));
  }

  #event(name: string): void {
    const ms = Math.round(performance.now() - this.#began);
    this.#span.addEvent(name, { 'depthcast.ms': ms });
    this.#house.log.debug({ ...this.#facts, ms }, `session ${name}`);
  }

  #end(reason: string, error: DepthcastError | undefined, counts: Attributes): void {
    const seconds = Math.round((performance.now() - this.#began) / 100) / 10;
    const facts = { reason, ...(error ? { code: error.code } : {}), seconds, ...counts };
    this.#span.setAttributes(prefixed(facts));
    if (error) this.#span.setStatus({ code: SpanStatusCode.ERROR, message: error.code });
    this.#span.end();
    this.#house.log.info({ ...this.#facts, ...facts }, 'session ended');
  }
}

const prefixed = (facts: Attributes): Attributes =>
  Object.fromEntries(Object.entries(facts).map(([key, value]) => [`depthcast.${key}`, value]));
