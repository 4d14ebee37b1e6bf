import {
  type ClientMessage,
  PROTOCOL_VERSION,
  parseServerMessage,
  type ServerMessage,
} from '../../src/protocol/messages.ts';
import { protocolMismatch, type Welcome } from './compatibility.ts';
import { DepthError, toDepthError } from './errors.ts';
import type { Platform } from './platform.ts';

const WELCOME_TIMEOUT = 8_000;
const PING_INTERVAL = 5_000;
/** Without an answer for this long the server counts as gone, although TCP has not noticed. */
const PONG_TIMEOUT = 15_000;

export type SignallingMessage = Exclude<ServerMessage, { type: 'welcome' | 'pong' | 'closing' }>;

export interface SignallingOptions {
  platform: Platform;
  url: URL;
  /** Name and version of the client, for the server's log. */
  client: string;
  /** One of the server's tokens, where it asks for one. */
  token?: string | undefined;
}

export interface SignallingHandlers {
  message(message: SignallingMessage): void;
  /** The connection ended after the welcome, and it was not `close()` that ended it. Called once. */
  lost(error: DepthError): void;
}

/**
 * The address of a server's signalling endpoint.
 * @param server http(s) or ws(s) address of the server, with or without a path below which it is mounted
 * @throws DepthError BAD_ADDRESS
 */
export function signallingUrl(server: string | URL): URL {
  let url: URL;
  try {
    url = new URL(server);
  } catch (cause) {
    throw new DepthError('BAD_ADDRESS', { detail: String(server), cause });
  }
  const protocol = { 'http:': 'ws:', 'https:': 'wss:', 'ws:': 'ws:', 'wss:': 'wss:' }[url.protocol];
  if (!protocol) throw new DepthError('BAD_ADDRESS', { detail: `${url.protocol} is not http, https, ws or wss` });
  const result = new URL(url.href.replace(url.protocol, protocol));
  if (!result.pathname.endsWith('/ws')) result.pathname = `${result.pathname.replace(/\/$/, '')}/ws`;
  result.hash = '';
  return result;
}

/** One WebSocket to the server, from `hello` to the end. */
export class Signalling {
  readonly #socket: WebSocket;
  readonly #handlers: SignallingHandlers;
  readonly #welcome: Resolvable<Welcome>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #pingId = 0;
  #pingedAt = 0;
  #answeredAt = 0;
  #closed = false;
  #opened = false;
  #welcomed = false;
  /** Last round trip to the server in milliseconds. */
  roundTrip: number | undefined;

  private constructor({ platform, url, client, token }: SignallingOptions, handlers: SignallingHandlers) {
    this.#handlers = handlers;
    this.#welcome = resolvable<Welcome>();
    try {
      this.#socket = new platform.WebSocket(url.href);
    } catch (thrown) {
      throw toDepthError(thrown, 'SERVER_UNREACHABLE');
    }
    this.#timer = setTimeout(() => this.#end(new DepthError('TIMEOUT')), WELCOME_TIMEOUT);
    this.#socket.onopen = () => {
      this.#opened = true;
      this.send({ type: 'hello', protocol: PROTOCOL_VERSION, client, ...(token === undefined ? {} : { token }) });
    };
    this.#socket.onmessage = (event) => this.#read(event.data);
    this.#socket.onclose = (event) => {
      const detail = event.reason || (event.code === 1006 ? undefined : `code ${event.code}`);
      this.#end(new DepthError(this.#opened ? 'CONNECTION_LOST' : 'SERVER_UNREACHABLE', detail ? { detail } : {}));
    };
    // What went wrong stands in the close event that follows.
    this.#socket.onerror = () => {};
  }

  /** Connects and waits for the server's welcome. Rejects with a DepthError. */
  static async open(options: SignallingOptions, handlers: SignallingHandlers, signal: AbortSignal) {
    signal.throwIfAborted();
    const signalling = new Signalling(options, handlers);
    const abort = () => signalling.#end(new DepthError('CLOSED'));
    signal.addEventListener('abort', abort, { once: true });
    try {
      const welcome = await signalling.#welcome.promise;
      return { signalling, welcome };
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  send(message: ClientMessage): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  /** Sends `bye` and ends; `lost` is not called. */
  close(): void {
    if (this.#closed) return;
    this.send({ type: 'bye' });
    this.#release();
  }

  #read(data: unknown): void {
    if (this.#closed) return;
    let message: ServerMessage | undefined;
    try {
      message = parseServerMessage(data);
    } catch (thrown) {
      this.#end(toDepthError(thrown, 'BAD_MESSAGE'));
      return;
    }
    if (!message) return;
    switch (message.type) {
      case 'welcome':
        if (!this.#welcomed) this.#greet(message);
        return;
      case 'pong':
        this.#answeredAt = performance.now();
        if (message.id === this.#pingId) this.roundTrip = this.#answeredAt - this.#pingedAt;
        return;
      case 'closing': {
        const { reason: detail, retryAfter } = message;
        this.#end(new DepthError('ENDED_BY_SERVER', { detail, ...(retryAfter === undefined ? {} : { retryAfter }) }));
        return;
      }
      case 'error':
        if (message.fatal) this.#end(DepthError.fromServer(message));
        else this.#handlers.message(message);
        return;
      default:
        this.#handlers.message(message);
    }
  }

  #greet(welcome: Welcome): void {
    const mismatch = protocolMismatch(welcome);
    if (mismatch) {
      this.#end(mismatch);
      return;
    }
    clearTimeout(this.#timer);
    this.#welcomed = true;
    this.#answeredAt = performance.now();
    this.#ping();
    this.#welcome.resolve(welcome);
  }

  #ping(): void {
    if (performance.now() - this.#answeredAt > PONG_TIMEOUT) {
      this.#end(new DepthError('CONNECTION_LOST', { detail: 'it stopped answering' }));
      return;
    }
    this.#pingedAt = performance.now();
    this.send({ type: 'ping', id: ++this.#pingId });
    this.#timer = setTimeout(() => this.#ping(), PING_INTERVAL);
  }

  #end(error: DepthError): void {
    if (this.#closed) return;
    this.#release();
    if (this.#welcomed) this.#handlers.lost(error);
    else this.#welcome.reject(error);
  }

  #release(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket.close();
  }
}

interface Resolvable<T> {
  promise: Promise<T>;
  resolve(value: T): void;
  reject(reason: unknown): void;
}

function resolvable<T>(): Resolvable<T> {
  let resolve!: (value: T) => void;
  let reject!: (reason: unknown) => void;
  const p = new Promise<T>((a, b) => {
    resolve = a;
    reject = b;
  });
  return { promise: p, resolve, reject };
}
