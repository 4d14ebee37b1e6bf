import {
  AgentDispatch,
  CreateAgentDispatchRequest,
  DeleteAgentDispatchRequest,
  ListAgentDispatchRequest,
  ListAgentDispatchResponse,
  ListParticipantsRequest,
  ListParticipantsResponse,
  ListRoomsResponse,
  type ParticipantInfo,
  type Room,
  RoomParticipantIdentity,
} from '@livekit/protocol';
import { SignJWT } from 'jose';
import { DepthcastError } from '../errors.ts';

const PATIENCE_MS = 5000;
const TOKEN_LIFE = '10m';
/** An answer that is longer is none of a server of ours. */
const MAX_ANSWER = 16 << 20;

export interface Credentials {
  apiKey: string;
  apiSecret: string;
}

/** A token of LiveKit: HS256, the grants in the claim `video`. */
export function livekitToken({ apiKey, apiSecret }: Credentials, video: Record<string, unknown>): Promise<string> {
  return new SignJWT({ video })
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuer(apiKey)
    .setSubject(apiKey)
    .setNotBefore('-10s')
    .setExpirationTime(TOKEN_LIFE)
    .sign(new TextEncoder().encode(apiSecret));
}

/** What an agent asks of a LiveKit server, by Twirp: a POST of JSON to each method. */
export class ServerApi {
  readonly #base: string;
  readonly #credentials: Credentials;

  /** @param url ws(s) or http(s) address of the server */
  constructor(url: string, credentials: Credentials) {
    this.#base = url.replace(/^ws/, 'http').replace(/\/+$/, '');
    this.#credentials = credentials;
  }

  /** @throws DepthcastError LIVEKIT_FAILED, as all of these */
  async rooms(): Promise<Room[]> {
    const json = await this.#call('RoomService/ListRooms', {}, { roomList: true });
    return ListRoomsResponse.fromJson(json, LENIENT).rooms;
  }

  async participants(room: string): Promise<ParticipantInfo[]> {
    const request = new ListParticipantsRequest({ room }).toJson();
    const json = await this.#call('RoomService/ListParticipants', request, { roomAdmin: true, room });
    return ListParticipantsResponse.fromJson(json, LENIENT).participants;
  }

  async removeParticipant(room: string, identity: string): Promise<void> {
    const request = new RoomParticipantIdentity({ room, identity }).toJson();
    await this.#call('RoomService/RemoveParticipant', request, { roomAdmin: true, room });
  }

  async dispatches(room: string): Promise<AgentDispatch[]> {
    const request = new ListAgentDispatchRequest({ room }).toJson();
    const json = await this.#call('AgentDispatchService/ListDispatch', request, { roomAdmin: true, room });
    return ListAgentDispatchResponse.fromJson(json, LENIENT).agentDispatches;
  }

  async dispatch(room: string, agentName: string, metadata: string): Promise<AgentDispatch> {
    const request = new CreateAgentDispatchRequest({ room, agentName, metadata }).toJson();
    const json = await this.#call('AgentDispatchService/CreateDispatch', request, { roomAdmin: true, room });
    return AgentDispatch.fromJson(json, LENIENT);
  }

  async deleteDispatch(room: string, dispatchId: string): Promise<void> {
    const request = new DeleteAgentDispatchRequest({ room, dispatchId }).toJson();
    await this.#call('AgentDispatchService/DeleteDispatch', request, { roomAdmin: true, room });
  }

  async #call(method: string, body: unknown, grant: Record<string, unknown>): Promise<never> {
    const failed = (detail: string, cause?: unknown) =>
      new DepthcastError('LIVEKIT_FAILED', { detail: `${method.split('/')[1]}: ${detail}`, cause });
    try {
      const response = await fetch(`${this.#base}/twirp/livekit.${method}`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          authorization: `Bearer ${await livekitToken(this.#credentials, grant)}`,
        },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      const text = await readText(response, MAX_ANSWER);
      if (text === undefined) throw failed('the answer is too long');
      if (!response.ok) throw failed(`${response.status} ${text.slice(0, 200)}`);
      return JSON.parse(text) as never;
    } catch (thrown) {
      if (thrown instanceof DepthcastError) throw thrown;
      throw failed(thrown instanceof Error ? thrown.message : String(thrown), thrown);
    }
  }
}

/** @returns undefined where there are more bytes than `most`, of which no more are read */
async function readText({ body }: Response, most: number): Promise<string | undefined> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of body ?? []) {
    length += piece.length;
    if (length > most) return undefined;
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}

/** A newer server may say more. */
const LENIENT = { ignoreUnknownFields: true };
