// What the server and the process that sends one video say to each other, over Node's IPC channel ("advanced": bytes go as they are).

/** To the sender, once: H.264 in Annex B form, without reordering, its times in 90 kHz. */
export interface OpenRequest {
  url: string;
  format: 'mpegts' | 'rtsp';
  width: number;
  height: number;
  /** SPS and PPS. */
  parameters: Uint8Array;
}

/** To the sender, once it said that it is open. */
export interface VideoPacket {
  data: Uint8Array;
  keyframe: boolean;
  /** 90 kHz; a frame has the same in every output of its stream. */
  pts: number;
}

/** From the sender. `end` is its last message. */
export type SenderMessage = { kind: 'opened' } | { kind: 'written' } | { kind: 'end'; problem: string };
