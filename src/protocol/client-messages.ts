import * as z from 'zod/mini';
import { cameraSettings } from './camera.ts';
import { outputChange } from './output.ts';

/**
 * What `icecandidate` events hold: the candidate or its `toJSON()`, its line alone, or null after the last one. Other
 * fields of it are of no use here.
 */
const text = (length: number) => z.string().check(z.maxLength(length));
const candidate = z.union([
  z.null(),
  text(1024),
  z.object({
    candidate: z.nullish(text(1024)),
    sdpMid: z.nullish(text(64)),
    sdpMLineIndex: z.nullish(z.int().check(z.minimum(0), z.maximum(64))),
    usernameFragment: z.nullish(text(256)),
  }),
]);

/** Of one message. */
const MAX_ANCHORS = 256;
const share = z.number().check(z.minimum(0), z.maximum(1));
/** x and y as shares of the picture from its top left corner; one standard deviation of `metres` as a share of it. */
const anchor = z.strictObject({
  x: share,
  y: share,
  metres: z.number().check(z.minimum(0.01), z.maximum(10_000)),
  error: z.optional(z.number().check(z.minimum(0.001), z.maximum(1))),
});

const SDP_LIMIT = 64 * 1024;
const TOKEN_LIMIT = 4096;

/** Messages from the client. */
export const clientMessage = z.discriminatedUnion('type', [
  /** First message of a connection. */
  z.strictObject({
    type: z.literal('hello'),
    protocol: z.int(),
    client: z.optional(text(128)),
    /** Needed when the server's settings list tokens. */
    token: z.optional(text(TOKEN_LIMIT)),
    /** Of the pictures that will be sent; a server that speaks version 1 alone refuses it, so ask for its version first. */
    camera: z.optional(cameraSettings),
  }),
  /** SDP offer with one sending (or sendrecv) video m-line and, for depth data, the channel "depth". Again later: ICE restart. */
  z.strictObject({ type: z.literal('offer'), sdp: text(SDP_LIMIT), output: z.optional(outputChange) }),
  /**
   * Trickled ICE candidate; null, nothing or an empty string ends them. One that cannot be read is refused, no more. Its other
   * fields may stand beside it: they are of no use here.
   */
  z.object({ type: z.literal('candidate'), candidate: z.optional(candidate) }),
  /** Changes some of the output settings, or what is known of the camera: null for nothing. */
  z.strictObject({
    type: z.literal('settings'),
    output: z.optional(outputChange),
    camera: z.optional(z.nullable(cameraSettings)),
  }),
  /** Distances that are known, of the next picture that becomes depth; relative depth then comes in metres. */
  z.strictObject({
    type: z.literal('anchors'),
    anchors: z.array(anchor).check(z.minLength(1), z.maxLength(MAX_ANCHORS)),
  }),
  /** A newer token, so that the session outlasts the one of `hello`. */
  z.strictObject({ type: z.literal('token'), token: text(TOKEN_LIMIT) }),
  /** Forgets temporal memory: the next frame begins a new epoch. */
  z.strictObject({ type: z.literal('reset') }),
  z.strictObject({ type: z.literal('ping'), id: z.int().check(z.minimum(0)) }),
  z.strictObject({ type: z.literal('bye') }),
]);
export type ClientMessage = z.infer<typeof clientMessage>;
