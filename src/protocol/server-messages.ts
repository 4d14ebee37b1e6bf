import * as z from 'zod/mini';
import { presentCamera } from './camera.ts';
import { errorPayload } from './errors.ts';
import { presentOutput } from './output.ts';
import type { Stage } from './stages.ts';
import type { DepthUnit } from './types.ts';

// What a server sends. It may be newer than who reads it: keys that are not known here are left out, not refused.

/**
 * What an `error` is about: the message that it answers or, when nothing was asked, the part of the session that
 * something went wrong with.
 */
export const ERROR_SUBJECTS = [
  'hello',
  'offer',
  'candidate',
  'settings',
  'token',
  /** Another message, or one that could not be read. */
  'message',
  /** The video that the client sends. */
  'video',
  /** The network. */
  'depth',
  /** The returned gray track, and the data channel. */
  'track',
  'data',
  /** The connection as a whole. */
  'session',
] as const;
export type ErrorSubject = (typeof ERROR_SUBJECTS)[number];

/** A network that the server offers. */
export interface ModelInfo {
  name: string;
  /** For people. */
  title: string;
  /** What its depth values mean. */
  unit: DepthUnit;
  /** Allowed values of `size` in the output settings, pixels. */
  sizes: number[];
  defaultSize: number;
}

const modelInfo = z.object({
  name: z.string(),
  title: z.string(),
  unit: z.enum(['disparity', 'metres']),
  sizes: z.array(z.number()),
  defaultSize: z.number(),
}) satisfies z.ZodMiniType<ModelInfo, ModelInfo>;

const iceServer = z.object({
  urls: z.union([z.string(), z.array(z.string())]),
  username: z.exactOptional(z.string()),
  credential: z.exactOptional(z.string()),
});

/** Medians over the last second, in milliseconds; a stage that did not run is absent. */
export type StageTimes = Partial<Record<Stage, number>>;
const stageTimes = z.record(z.string(), z.number()) as unknown as z.ZodMiniType<StageTimes, StageTimes>;

const size = { width: z.number(), height: z.number() };

/** The server's numbers of one session over the last second. */
export interface SessionStats {
  /** Frames a second that arrived, were turned into depth, and were dropped because a newer one came. */
  framesIn: number;
  framesOut: number;
  framesDropped: number;
  stages: StageTimes;
  /** Last packet in to first packet out, milliseconds. */
  latency: { p50: number; p95: number };
  /** Of the last depth map. */
  epoch: number;
  near: number;
  far: number;
  /** Sizes in pixels of the received picture and of the depth map. */
  source: { width: number; height: number; codec: string };
  depth: { width: number; height: number };
  /** Bits a second: received video, returned gray track and depth data. */
  bitrate: { video: number; track: number; data: number };
}

export const sessionStats = z.object({
  framesIn: z.number(),
  framesOut: z.number(),
  framesDropped: z.number(),
  stages: stageTimes,
  latency: z.object({ p50: z.number(), p95: z.number() }),
  epoch: z.number(),
  near: z.number(),
  far: z.number(),
  source: z.object({ ...size, codec: z.string() }),
  depth: z.object(size),
  bitrate: z.object({ video: z.number(), track: z.number(), data: z.number() }),
}) satisfies z.ZodMiniType<SessionStats, SessionStats>;

/** Messages from the server. */
export const serverMessage = z.discriminatedUnion('type', [
  /** Answers `hello`. */
  z.object({
    type: z.literal('welcome'),
    protocol: z.number(),
    /** Program and version. */
    server: z.string(),
    /** What the networks run on, for people. */
    device: z.string(),
    models: z.array(modelInfo),
    output: presentOutput,
    iceServers: z.array(iceServer),
  }),
  z.object({ type: z.literal('answer'), sdp: z.string() }),
  /** What is in force; the camera as it was told, by the client or the server's settings. One of another kind counts as none. */
  z.object({
    type: z.literal('settings'),
    output: presentOutput,
    camera: z.catch(z.optional(presentCamera), undefined),
  }),
  z.object({ type: z.literal('stats'), stats: sessionStats }),
  z.object({ type: z.literal('pong'), id: z.number() }),
  /** A token was taken; when the last of those shown expires, seconds since the Unix epoch, or null for never. */
  z.object({ type: z.literal('token'), expires: z.nullable(z.number()) }),
  /** `fatal` errors are followed by the end of the connection. A subject of a newer server counts as none. */
  z.object({
    type: z.literal('error'),
    ...errorPayload.shape,
    fatal: z.boolean(),
    about: z.catch(z.optional(z.enum(ERROR_SUBJECTS)), undefined),
  }),
  /** The server ends the session on purpose (drain, idle). */
  z.object({ type: z.literal('closing'), reason: z.string(), retryAfter: z.exactOptional(z.number()) }),
]);
export type ServerMessage = z.infer<typeof serverMessage>;

const TYPES: ReadonlySet<unknown> = new Set(serverMessage.def.options.map(({ shape }) => shape.type.def.values[0]));
/** A message longer than this is not of our server. */
const MAX_LENGTH = 1024 * 1024;

/**
 * Reads a message of a server.
 * @returns undefined for a type that is not known, of a newer server
 * @throws Error that says what is wrong with it
 */
export function parseServerMessage(data: unknown): ServerMessage | undefined {
  if (typeof data !== 'string' || data.length > MAX_LENGTH) throw new Error('no text message');
  let tree: unknown;
  try {
    tree = JSON.parse(data);
  } catch (cause) {
    throw new Error('no JSON', { cause });
  }
  const type = (tree as { type?: unknown } | null)?.type;
  if (typeof type !== 'string') throw new Error('no object with a type');
  if (!TYPES.has(type)) return undefined;
  const result = serverMessage.safeParse(tree);
  if (result.success) return result.data;
  throw new Error([type, ...result.error.issues[0]!.path].join('.'));
}
