/** Where a frame begins. `sure`: no packet that a decoder needs can be missing before it. */
export type Start = 'sure' | 'maybe' | undefined;

/** Gets a slot of `size` bytes to fill through `write`; `last` marks the frame's end. */
export type Emit = (size: number, last: boolean, write: (target: Buffer, at: number) => void) => void;

export interface Depacketizer {
  /** H.264 and H.265 keyframes whose parameter sets were not known. */
  readonly withoutParameterSets?: number;
  /** @returns undefined where the payloads make no whole frame; no data where there is nothing to show in them */
  assemble(payloads: readonly Buffer[]): { data: Buffer; keyframe: boolean } | undefined;
}

/** How one codec travels in RTP. Payloads are never empty. */
export interface PayloadFormat {
  /** Whether a frame begins with this payload, as far as it tells. */
  start(payload: Buffer): Start;
  /** Whether a keyframe begins with it. */
  opensKeyframe(payload: Buffer): 'yes' | 'perhaps' | undefined;
  /** Whether the frame that it is a part of is a keyframe, as far as it tells. */
  carriesKeyframe(payload: Buffer): boolean;
  /** @param parameterSets base64, from the SDP */
  depacketizer(parameterSets: readonly string[]): Depacketizer;
  /**
   * Cuts a frame into payloads; undefined for codecs that are only received.
   * @param pictureId 15 bit
   * @param maxPayload bytes
   */
  packetize: ((frame: Uint8Array, pictureId: number, maxPayload: number, emit: Emit) => void) | undefined;
}
