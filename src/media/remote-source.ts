import { EventEmitter } from 'node:events';
import { type DepthcastError, fromPlain, toPlain } from '../errors.ts';
import type { SourceEvents, SourceSession } from '../session/session.ts';
import type { PulledStatus } from '../sources/pull/pulled-source.ts';
import type { Ask, Hosted, HostedView, SessionEvent } from './protocol.ts';
import { type KnownStream, RemoteStream } from './remote-stream.ts';
import { type SessionLink, WORKER_DIED } from './session-link.ts';

/** A stream in a media worker that nobody publishes. */
export class RemoteSource extends EventEmitter<SourceEvents> implements SourceSession {
  readonly id: string;
  readonly stream: RemoteStream;
  readonly #ask: Ask;
  #status: PulledStatus | undefined;

  constructor(link: SessionLink, { id, view }: Hosted, known: Omit<KnownStream, 'view'>) {
    super();
    this.id = id;
    this.#ask = (call, value) => link.call(id, call, value);
    this.#status = view.source;
    this.stream = new RemoteStream(link, this.#ask, (reason) => this.close(reason), { ...known, view: view.stream });
  }

  /** As of the last second. */
  get status(): PulledStatus | undefined {
    return this.#status;
  }

  start(): void {
    // A worker that is gone ends it.
    this.#ask('start', undefined).catch(() => {});
  }

  /** At once as far as this thread knows; the worker ends it, and those who watch it, next. */
  close(reason: string, error?: DepthcastError): void {
    if (this.stream.closed) return;
    this.#ask('close', { reason, error: error && toPlain(error) }).catch(() => {});
    this.#end(reason, error);
  }

  /** What its worker tells. */
  take(event: SessionEvent): void {
    if (this.stream.closed) return;
    if ('view' in event) this.look(event.view);
    switch (event.event) {
      case 'live':
        this.#status = event.status;
        this.emit('live', event.status);
        break;
      case 'lost':
        this.#status = event.status;
        this.emit('lost', fromPlain(event.error), event.retryMs);
        break;
      case 'trouble':
        this.emit('trouble', fromPlain(event.error), event.about);
        break;
      case 'closed':
        this.#end(event.reason, event.error && fromPlain(event.error));
        break;
      default:
        this.stream.hear(event);
    }
  }

  look(view: HostedView): void {
    if (this.stream.closed || 'peer' in view) return;
    this.#status = view.source;
    this.stream.take(view.stream);
  }

  /** Its worker is gone. */
  lose(error: DepthcastError): void {
    if (!this.stream.closed) this.#end(WORKER_DIED, error);
  }

  #end(reason: string, error: DepthcastError | undefined): void {
    this.stream.ended(reason);
    this.emit('closed', reason, error);
  }
}
