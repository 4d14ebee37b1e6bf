import { z } from 'zod';

/**
 * The signalling messages of `/ws`, version 1: one JSON object a text message, told apart by `type`.
 * docs/signalling.md describes the exchange; the browser SDK imports these types.
 */
export const PROTOCOL_VERSION = 1;

const displayRange = z.union([
  z.literal('auto'),
  z
    // Within float32, as packets carry them, with their difference.
    .strictObject({ near: z.number().min(-1e30).max(1e30), far: z.number().min(-1e30).max(1e30) })
    .refine((r) => Math.fround(r.near) !== Math.fround(r.far), 'near and far must differ'),
]);

/** What a session returns; every key may be changed while it runs. */
export const outputSettings = z.strictObject({
  /** Grayscale depth as a video track on the same peer. */
  track: z.enum(['gray', 'off']),
  /** Depth values on the data channel; `none` sends each frame's metadata alone. */
  data: z.enum(['none', 'u8', 'u16', 'f16']),
  /** `auto` follows the scene; fixed values are in the model's unit. */
  range: displayRange,
  /** A name from `welcome.models`. */
  model: z.string().max(64),
  /** Network size in pixels, one of the model's `sizes`: the long side or, for Video Depth Anything, the short one. */
  size: z.int().min(16).max(4096),
});
export type OutputSettings = z.infer<typeof outputSettings>;

const outputChange = outputSettings.partial();
export type OutputChange = z.infer<typeof outputChange>;

/**
 * What `icecandidate` events hold: the candidate or its `toJSON()`, its line alone, or null after the last one. Other
 * fields of it are of no use here.
 */
const candidate = z.union([
  z.null(),
  z.string().max(1024),
  z.object({
    candidate: z.string().max(1024).nullish(),
    sdpMid: z.string().max(64).nullish(),
    sdpMLineIndex: z.int().min(0).max(64).nullish(),
    usernameFragment: z.string().max(256).nullish(),
  }),
]);

const SDP_LIMIT = 64 * 1024;

/** Messages from the client. */
export const clientMessage = z.discriminatedUnion('type', [
  /** First message of a connection. */
  z.strictObject({
    type: z.literal('hello'),
    protocol: z.int(),
    client: z.string().max(128).optional(),
    /** Needed when the server's settings list tokens. */
    token: z.string().max(4096).optional(),
  }),
  /** SDP offer with one sending (or sendrecv) video m-line and, for depth data, the channel "depth". Again later: ICE restart. */
  z.strictObject({
    type: z.literal('offer'),
    sdp: z.string().max(SDP_LIMIT),
    output: outputChange.optional(),
  }),
  /** Trickled ICE candidate; null, nothing or an empty string ends them. One that cannot be read is refused, no more. */
  z.strictObject({ type: z.literal('candidate'), candidate: candidate.optional() }),
  /** Changes some of the output settings. */
  z.strictObject({ type: z.literal('settings'), output: outputChange }),
  /** A newer token, so that the session outlasts the one of `hello`. */
  z.strictObject({ type: z.literal('token'), token: z.string().max(4096) }),
  /** Forgets temporal memory: the next frame begins a new epoch. */
  z.strictObject({ type: z.literal('reset') }),
  z.strictObject({ type: z.literal('ping'), id: z.int().min(0) }),
  z.strictObject({ type: z.literal('bye') }),
]);
export type ClientMessage = z.infer<typeof clientMessage>;

/** Medians over the last second, in milliseconds; a stage that did not run is absent. */
export type StageTimes = Partial<
  Record<'assemble' | 'decode' | 'preprocess' | 'queue' | 'inference' | 'postprocess' | 'encode' | 'send', number>
>;

export interface SessionStats {
  /** Frames a second that arrived, were turned into depth, and were dropped because a newer one came. */
  framesIn: number;
  framesOut: number;
  framesDropped: number;
  stages: StageTimes;
  /** Last packet in to first packet out, milliseconds. */
  latency: { p50: number; p95: number };
  epoch: number;
  near: number;
  far: number;
  source: { width: number; height: number; codec: string };
  depth: { width: number; height: number };
  /** Bits a second: received video, returned gray track and depth data. */
  bitrate: { video: number; track: number; data: number };
}

export interface ModelInfo {
  name: string;
  title: string;
  unit: 'disparity' | 'metres';
  sizes: number[];
  defaultSize: number;
}

/** Messages from the server. */
export type ServerMessage =
  | {
      type: 'welcome';
      protocol: number;
      server: string;
      device: string;
      models: ModelInfo[];
      output: OutputSettings;
      iceServers: { urls: string | string[]; username?: string; credential?: string }[];
    }
  | { type: 'answer'; sdp: string }
  | { type: 'settings'; output: OutputSettings }
  | { type: 'stats'; stats: SessionStats }
  | { type: 'pong'; id: number }
  /** A token was taken; when the last of those shown expires, seconds since the Unix epoch, or null for never. */
  | { type: 'token'; expires: number | null }
  /** `fatal` errors are followed by the end of the connection. */
  | { type: 'error'; code: string; message: string; fatal: boolean; retryAfter?: number }
  /** The server ends the session on purpose (drain, idle). */
  | { type: 'closing'; reason: string; retryAfter?: number };
