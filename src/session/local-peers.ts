import { LocalSource } from './local-source.ts';
import type { PeerHost, PublisherOptions, SourceOptions, ViewerOptions } from './peer-host.ts';
import { Publisher, type PublisherContext } from './publisher.ts';
import type { PublisherSession, Session, SourceSession } from './session.ts';
import { followed, type TelemetryContext } from './session-telemetry.ts';
import { Viewer, type ViewerContext } from './viewer.ts';

/** Peers and streams on the thread that calls. */
export class LocalPeers implements PeerHost {
  readonly workers = [];
  readonly #context: PublisherContext & ViewerContext & TelemetryContext;

  constructor(context: PublisherContext & ViewerContext & TelemetryContext) {
    this.#context = context;
  }

  publish(offer: string, options: PublisherOptions): Promise<PublisherSession> {
    const kind = options.role === 'publish' ? 'whip' : 'ws';
    return followed(this.#context, kind, options.stream, () => Publisher.open(this.#context, offer, options));
  }

  view(offer: string, name: string, options: ViewerOptions = {}): Promise<Session> {
    return followed(this.#context, 'whep', name, () => Viewer.open(this.#context, offer, name, options));
  }

  host(options: SourceOptions): Promise<SourceSession> {
    return LocalSource.open(this.#context, options);
  }

  /** They share the settings with whoever changes them. */
  configure(): void {}

  /** The registry ends them. */
  async close(): Promise<void> {}
}
