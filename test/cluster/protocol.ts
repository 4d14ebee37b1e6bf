// What the test and the process of its clients tell each other.

export interface ClientSpec {
  id: string;
  kind: 'publish' | 'view' | 'duplex';
  /** Name of the stream; a duplex session's own is secret. */
  stream: string;
  /** Balancers in the order in which they are tried. */
  bases: string[];
}

export type ToClients = { case: 'open'; spec: ClientSpec } | { case: 'close'; id: string } | { case: 'end' };

/** End of a session of which its server knows nothing any more. */
export const GONE = 'gone';

export interface ClientReport {
  id: string;
  /** Media flows now. */
  connected: boolean;
  /** Address of the replica that answered last, as its answer's candidate names it. */
  replica: string;
  /** Sessions that were set up so far. */
  sessions: number;
  /** Date.now() when the present session was answered, and when its media first flowed. */
  answeredAt: number;
  connectedAt: number;
  /** Frames of depth in all, Date.now() of the present session's first and of the last. */
  frames: number;
  firstFrameAt: number;
  lastFrameAt: number;
  /** Why earlier sessions were over. */
  ends: string[];
  /** Every refusal: HTTP status or code, seconds of Retry-After, when. */
  refusals: { status: string; retryAfter: number | undefined; at: number }[];
}

export const newReport = (id: string): ClientReport => ({
  id,
  connected: false,
  replica: '',
  sessions: 0,
  answeredAt: 0,
  connectedAt: 0,
  frames: 0,
  firstFrameAt: 0,
  lastFrameAt: 0,
  ends: [],
  refusals: [],
});

export type FromClients = { case: 'report'; clients: ClientReport[] };
