// What the test and the processes of its participants tell each other.

export interface PublisherSetup {
  case: 'publish';
  url: string;
  token: string;
  fps: number;
  /** Whose pictures they are, see test/support/load/frame-code.ts. */
  stream: number;
  /** Sends frame metadata. */
  identified: boolean;
}

export interface ViewerSetup {
  case: 'view';
  url: string;
  token: string;
}

export type ToParticipant =
  | PublisherSetup
  | ViewerSetup
  | { case: 'attributes'; attributes: Record<string, string> }
  | { case: 'end' };

/** Depth that a viewer got of one publisher. */
export interface DepthReport {
  /** Identity of the publisher, by the agent's name. */
  of: string;
  trackFrames: number;
  packets: number;
  /** Date.now() of the last packet. */
  lastAt: number;
  lastWidth: number;
  /** Milliseconds from a picture to its packet. */
  ages: number[];
  trackAges: number[];
  /** Of each packet: the publisher's timestamp on the data track, and the frame id within. Of each picture of the track: both of its metadata. */
  packetIds: [timestamp: string, frameId: number][];
  pictureIds: [timestamp: string, frameId: number][];
  attributes: Record<string, string>;
}

export type FromParticipant =
  | { case: 'published' }
  | { case: 'sent'; frames: number /** Frame number by timestamp, since the last time. */; stamps: [string, number][] }
  | { case: 'joined' }
  | { case: 'depth'; reports: DepthReport[] };
