import { Publisher, type PublisherContext, type PublisherOptions } from './publisher.ts';
import type { PublisherSession, Session } from './session.ts';
import { followed, type TelemetryContext } from './session-telemetry.ts';
import { Viewer, type ViewerContext, type ViewerOptions } from './viewer.ts';

/** Where peers live, with the streams that publishers make: on the calling thread, or in media workers. */
export interface PeerHost {
  /**
   * Answers an offer and starts a stream.
   * @throws DepthcastError STREAM_TAKEN, BUSY, DRAINING, BAD_SDP, NO_VIDEO, UNSUPPORTED_CODEC, MODEL_NOT_FOUND, BAD_SIZE
   */
  publish(offer: string, options: PublisherOptions): Promise<PublisherSession>;
  /**
   * Answers the offer of somebody who watches the stream of this name.
   * @throws DepthcastError NO_PUBLISHER, BUSY, DRAINING, BAD_SDP, NO_VIDEO, UNSUPPORTED_CODEC
   */
  view(offer: string, name: string, options?: ViewerOptions): Promise<Session>;
}

/** Peers on the thread that calls. */
export class LocalPeers implements PeerHost {
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
}
