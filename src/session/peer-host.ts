import type { PulledSourceSettings } from '../config/pulled-source.ts';
import type { SettledConfig } from '../config/schema.ts';
import type { CameraSettings, DepthFormat } from '../protocol/index.ts';
import type { MatteChange } from '../protocol/matte.ts';
import type { DataSize, Layout, Upsampling } from '../protocol/output.ts';
import type { PeerRole } from '../webrtc/index.ts';
import type { PublisherSession, Session, SourceSession } from './session.ts';

export interface PublisherOptions {
  /** `publish`: depth goes to viewers alone. `duplex`: it also returns on the same peer. */
  role: Extract<PeerRole, 'publish' | 'duplex'>;
  /** Name that viewers find the stream by; the session's own secret id when absent. */
  stream?: string | undefined;
  /** The default model when absent. */
  model?: string | undefined;
  /** Network size; the one of the settings when absent, where the model has it. */
  size?: number | undefined;
  track: boolean;
  /** What the track shows, and how depth is enlarged; as the settings say when absent. */
  layout?: Layout;
  upsampling?: Upsampling;
  data: DepthFormat;
  /** `network` when absent. */
  dataSize?: DataSize;
  /** What the client told of its camera; that of the settings where it is absent. */
  camera?: CameraSettings | undefined;
  /** Address that the offer came from, where it is known. */
  client?: string | undefined;
}

export interface ViewerOptions {
  /** Address that the offer came from, where it is known. */
  client?: string | undefined;
  /** What its track shows; as the settings say when absent. */
  layout?: Layout | undefined;
  /** What of the stream's matte this viewer has otherwise, until that is changed for the stream. */
  matte?: MatteChange | undefined;
}

export interface SourceOptions {
  /** Of its stream. */
  name: string;
  origin:
    | { kind: 'scene'; scene: string; width: number; height: number; fps: number }
    | { kind: 'pull'; settings: PulledSourceSettings };
  /** As of {@link PublisherOptions}. */
  model?: string | undefined;
  size?: number | undefined;
  upsampling?: Upsampling;
  camera?: CameraSettings | undefined;
  /** Whether depth of still pictures is reused. */
  still: boolean;
}

/** One media worker, for operators. */
export interface MediaWorkerReport {
  /** Of its place, from 0: the next worker in it has the same. */
  number: number;
  /** It is up, not about to be replaced. */
  alive: boolean;
  /** Its thread is on the way up, as a further one or in the place of one that died; neither this nor alive: one died, the next is to be started. */
  starting: boolean;
  sessions: number;
  /** Streams in it that nobody publishes. */
  sources: number;
  /** Share of the last second in which its thread was at work, 0 to 1. */
  utilisation: number;
  /** Of its thread since it began; undefined where the system does not tell. */
  cpuSeconds: number | undefined;
}

/** Where peers and streams live: on the calling thread, or in media workers. */
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
  /**
   * A stream that nobody publishes. Its name is taken already.
   * @throws DepthcastError MODEL_NOT_FOUND, BAD_SIZE, MEDIA_WORKER_DIED
   */
  host(options: SourceOptions): Promise<SourceSession>;
  /** The media workers; none where peers live on the main thread. */
  readonly workers: readonly MediaWorkerReport[];
  /** The settings have changed. */
  configure(config: SettledConfig): void;
  /** Ends what sessions there are still, and the workers. */
  close(reason: string): Promise<void>;
}
