import { z } from 'zod';

// The Foxglove WebSocket protocol, version 1: what the app and the libraries of Foxglove speak (github.com/foxglove/foxglove-sdk,
// rust/foxglove/src/protocol). Text is JSON, told apart by `op`; binary messages begin with a byte of what they are.

/** Both names of the same protocol: the app offers the newer one, earlier clients the other. */
export const SUBPROTOCOLS = ['foxglove.sdk.v1', 'foxglove.websocket.v1'] as const;
/** Bytes of a client's message. */
export const MAX_MESSAGE = 256 * 1024;

const MESSAGE_DATA = 1;
const HEADER_BYTES = 13;

const id = z.int().min(0).max(0xffff_ffff);
const name = z.string().max(256);
const names = z.array(name).max(4096);
const callId = z.string().max(256).optional();

const value = z.union([
  z.string().max(4096),
  z.number(),
  z.boolean(),
  z.array(z.union([z.string().max(4096), z.number(), z.boolean()])).max(64),
  z.null(),
]);
export interface Parameter {
  name: string;
  value?: z.infer<typeof value> | undefined;
  /** `float64` and the like, where JSON does not tell. */
  type?: string | undefined;
}

/** What a client may say and is understood; other operations are told not to be. */
export const clientMessage = z.discriminatedUnion('op', [
  z.object({ op: z.literal('subscribe'), subscriptions: z.array(z.object({ id, channelId: id })).max(4096) }),
  z.object({ op: z.literal('unsubscribe'), subscriptionIds: z.array(id).max(4096) }),
  z.object({ op: z.literal('getParameters'), parameterNames: names, id: callId }),
  z.object({
    op: z.literal('setParameters'),
    parameters: z.array(z.object({ name, value: value.optional(), type: z.string().max(32).optional() })).max(256),
    id: callId,
  }),
  z.object({ op: z.literal('subscribeParameterUpdates'), parameterNames: names }),
  z.object({ op: z.literal('unsubscribeParameterUpdates'), parameterNames: names }),
]);
export type ClientMessage = z.infer<typeof clientMessage>;

export interface Channel {
  id: number;
  topic: string;
  encoding: string;
  schemaName: string;
  schema: string;
  schemaEncoding: string;
}

export const StatusLevel = { info: 0, warning: 1, error: 2 } as const;

export type ServerMessage =
  | {
      op: 'serverInfo';
      name: string;
      capabilities: string[];
      supportedEncodings: string[];
      metadata: Record<string, string>;
      sessionId: string;
    }
  | { op: 'status'; level: (typeof StatusLevel)[keyof typeof StatusLevel]; message: string; id?: string }
  | { op: 'removeStatus'; statusIds: string[] }
  | { op: 'advertise'; channels: Channel[] }
  | { op: 'unadvertise'; channelIds: number[] }
  | { op: 'parameterValues'; parameters: Parameter[]; id?: string | undefined };

/** What stands before a message's bytes. @param nanoseconds when it was sent, since the Unix epoch */
export function dataHeader(subscriptionId: number, nanoseconds: bigint): Uint8Array {
  const header = new DataView(new ArrayBuffer(HEADER_BYTES));
  header.setUint8(0, MESSAGE_DATA);
  header.setUint32(1, subscriptionId, true);
  header.setBigUint64(5, nanoseconds, true);
  return new Uint8Array(header.buffer);
}
