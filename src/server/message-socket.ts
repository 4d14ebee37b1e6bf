import type { Logger } from 'pino';
import type { RawData, WebSocket } from 'ws';
import type { Metrics } from '../metrics/metrics.ts';
import type { ServerMessage } from '../protocol/messages.ts';

const HEARTBEAT_MS = 15_000;
/** A client that does not read its messages is let go. */
const MAX_BUFFERED = 1 << 20;
/** Messages that may still be under way when we close; who goes on does not read, and is not read any more. */
const MAX_LATE = 64;

export interface SocketContext {
  metrics: Pick<Metrics, 'rejected'>;
  log: Pick<Logger, 'debug'>;
}

export interface SocketListener {
  message(data: RawData, isBinary: boolean): void;
  /** It is closed, from either side. Once; no message comes behind it. */
  ended(reason: string): void;
}

/** One client's socket: whether it lives and reads, and one end. What is said on it is the session's business. */
export class MessageSocket {
  readonly #socket: WebSocket;
  readonly #context: SocketContext;
  readonly #listener: SocketListener;
  readonly #heartbeat = setInterval(() => this.#beat(), HEARTBEAT_MS);
  #alive = true;
  #ended = false;
  #late = 0;

  constructor(socket: WebSocket, context: SocketContext, listener: SocketListener) {
    this.#socket = socket;
    this.#context = context;
    this.#listener = listener;
    socket.on('message', (data, isBinary) => {
      if (!this.#ended) listener.message(data, isBinary);
      // Not cut at once: it would not learn why.
      else if (++this.#late === MAX_LATE) socket.pause();
    });
    socket.on('pong', () => {
      this.#alive = true;
    });
    // ws ends a connection that asks for pongs faster than it reads them, without another word.
    socket.on('ping', () => {
      if (socket.readyState === socket.OPEN || this.#ended) return;
      context.metrics.rejected.inc({ code: 'SLOW_CLIENT' });
      this.#end('ping flood');
    });
    // Broken frames, invalid UTF-8, a message beyond any bound: ws has already closed the socket for it.
    socket.on('error', (error) => {
      context.metrics.rejected.inc({ code: 'BAD_MESSAGE' });
      context.log.debug({ err: error }, 'socket error');
    });
    socket.on('close', () => this.#end('socket closed'));
  }

  /** What cannot be sent any more is not. */
  send(message: ServerMessage): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    if (this.#socket.bufferedAmount > MAX_BUFFERED) {
      this.#context.metrics.rejected.inc({ code: 'SLOW_CLIENT' });
      this.#socket.terminate();
    } else this.#socket.send(JSON.stringify(message));
  }

  /** @param code RFC 6455 section 7.4. @param word what the client's close event says. @param reason what the log says */
  close(code: 1000 | 1001 | 1008, word: string, reason = word): void {
    this.#socket.close(code, word);
    this.#end(reason);
  }

  #end(reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    clearInterval(this.#heartbeat);
    this.#listener.ended(reason);
  }

  #beat(): void {
    if (!this.#alive) {
      this.#socket.terminate();
      return;
    }
    this.#alive = false;
    this.#socket.ping();
  }
}
