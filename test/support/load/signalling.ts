import { WebSocket } from 'ws';
import {
  type ClientMessage,
  type OutputChange,
  PROTOCOL_VERSION,
  parseServerMessage,
  type ServerMessage,
} from '../../../src/protocol/messages.ts';

const ANSWER_MS = 15_000;

/** A way to a server: one offer, one answer, and how it is ended. */
export interface Signalling {
  exchange(offer: string): Promise<string>;
  /** Ends the session, as far as the server still listens. */
  close(): void;
}

/** The server refused; `code` is its error code, or the HTTP status. */
export class Refusal extends Error {
  readonly code: string;
  readonly retryAfter: number | undefined;

  constructor(code: string, retryAfter?: number) {
    super(code);
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

const bearer = (token: string | undefined) => (token === undefined ? {} : { authorization: `Bearer ${token}` });

/** WHIP, WHEP, or another server that takes an offer by POST. */
export function httpSignalling(url: string, token: string | undefined): Signalling {
  let resource: string | undefined;
  let closed = false;
  const end = () => {
    if (resource) void fetch(resource, { method: 'DELETE', headers: bearer(token) }).catch(() => {});
  };
  return {
    async exchange(offer) {
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/sdp', ...bearer(token) },
        body: offer,
        signal: AbortSignal.timeout(ANSWER_MS),
      });
      const text = await response.text();
      if (!response.ok) {
        const retryAfter = Number(response.headers.get('retry-after') ?? Number.NaN);
        throw new Refusal(codeOf(text) ?? `HTTP ${response.status}`, retryAfter || undefined);
      }
      const location = response.headers.get('location');
      if (location) resource = new URL(location, url).href;
      // Ended while the answer was on its way.
      if (closed) end();
      return text;
    },
    close() {
      closed = true;
      end();
    },
  };
}

function codeOf(body: string): string | undefined {
  try {
    return (JSON.parse(body) as { code?: string }).code;
  } catch {
    return undefined;
  }
}

export interface WsOptions {
  token?: string | undefined;
  output: OutputChange;
  /** The server or the network has ended the session after the answer. */
  onEnd: (reason: string) => void;
  /** Sees every message of the server. */
  onMessage?: (message: ServerMessage) => void;
}

/** `/ws`: a two-way session. */
export function wsSignalling(base: string, { token, output, onEnd, onMessage }: WsOptions): Signalling {
  let socket: WebSocket | undefined;
  let closed = false;
  const send = (message: ClientMessage) =>
    socket?.readyState === WebSocket.OPEN ? socket.send(JSON.stringify(message)) : undefined;

  const exchange = (offer: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const opened = new WebSocket(`${base.replace(/^http/, 'ws')}/ws`, { handshakeTimeout: ANSWER_MS });
      socket = opened;
      let answered = false;
      const timer = setTimeout(() => reject(new Error('no answer')), ANSWER_MS);
      const ended = (error: Error) => {
        clearTimeout(timer);
        if (answered && !closed) onEnd(error.message);
        reject(error);
      };
      opened.on('open', () =>
        send({ type: 'hello', protocol: PROTOCOL_VERSION, client: 'loadtest', ...(token ? { token } : {}) }),
      );
      opened.on('message', (text) => {
        const message = parseServerMessage(String(text));
        if (message === undefined) return;
        onMessage?.(message);
        if (message.type === 'welcome') send({ type: 'offer', sdp: offer, output });
        else if (message.type === 'error' && message.fatal) ended(new Refusal(message.code, message.retryAfter));
        else if (message.type === 'closing') ended(new Error(message.reason));
        else if (message.type === 'answer') {
          clearTimeout(timer);
          answered = true;
          resolve(message.sdp);
        }
      });
      opened.on('error', ended);
      opened.on('close', () => ended(new Error('signalling ended')));
    });

  return {
    exchange,
    close() {
      closed = true;
      send({ type: 'bye' });
      socket?.close();
    },
  };
}
