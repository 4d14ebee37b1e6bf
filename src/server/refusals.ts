import type { Socket } from 'node:net';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { DepthcastError, type ErrorCode } from '../errors.ts';
import type { ErrorPayload } from '../protocol/messages.ts';
import type { ServerContext } from '../session/server-context.ts';

/** Fastify's and Node's own errors that have a code of ours; others of the client are BAD_REQUEST. */
const KNOWN: Record<string, ErrorCode> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'BODY_TOO_LARGE',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'UNSUPPORTED_MEDIA_TYPE',
  HPE_HEADER_OVERFLOW: 'HEADERS_TOO_LARGE',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'BODY_TOO_LARGE',
  ERR_HTTP_REQUEST_TIMEOUT: 'REQUEST_TIMEOUT',
  ERR_TLS_HANDSHAKE_TIMEOUT: 'REQUEST_TIMEOUT',
};

/** The network's doing, not the client's. */
const GONE = new Set(['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH']);

/** Turns whatever ends a request badly into an answer of the catalogue, and counts it. */
export class Refusals {
  readonly #metrics: ServerContext['metrics'];
  readonly #log: ServerContext['log'];

  constructor({ metrics, log }: Pick<ServerContext, 'metrics' | 'log'>) {
    this.#metrics = metrics;
    this.#log = log;
  }

  /** For requests that reached the router, and those whose target it cannot read (Fastify's `frameworkErrors`). */
  readonly answer = (thrown: Error, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const error = this.#ofCatalogue(thrown as FastifyError);
    // A body that broke off: nobody was refused, or answerSocket has counted it.
    if (!GONE.has((thrown as FastifyError).code)) this.#metrics.rejected.inc({ code: error.code });
    const { code, message, status, retryAfter } = error;
    if (retryAfter !== undefined) reply.header('retry-after', retryAfter);
    // RFC 6750 section 3.1.
    if (code === 'FORBIDDEN') reply.header('www-authenticate', 'Bearer error="insufficient_scope"');
    if (code === 'UNAUTHORIZED')
      reply.header('www-authenticate', request.headers.authorization ? 'Bearer error="invalid_token"' : 'Bearer');
    return reply.code(status).send({ code, message } satisfies ErrorPayload);
  };

  /** For bytes that are no HTTP request, or not soon enough (`clientErrorHandler`). */
  readonly answerSocket = (thrown: Error & { code?: string }, socket: Socket): void => {
    if (GONE.has(thrown.code ?? '')) return;
    const code = KNOWN[thrown.code ?? ''] ?? 'BAD_REQUEST';
    this.#metrics.rejected.inc({ code });
    if (socket.destroyed) return;
    // No TLS, nothing that could be said over it: an orderly end that waits for the handshake would wait for ever.
    if (/^ERR_(TLS|SSL)_/.test(thrown.code ?? '')) {
      socket.destroy();
      return;
    }
    const { status, message } = new DepthcastError(code);
    const body = JSON.stringify({ code, message } satisfies ErrorPayload);
    if (socket.writable)
      socket.write(
        `HTTP/1.1 ${status} ${message}\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
      );
    socket.destroySoon();
  };

  install(app: FastifyInstance): void {
    app.setErrorHandler(this.answer);
    app.setNotFoundHandler((request, reply) => this.answer(new DepthcastError('NOT_FOUND'), request, reply));
  }

  #ofCatalogue(thrown: FastifyError | DepthcastError): DepthcastError {
    if (thrown instanceof DepthcastError) return thrown;
    const client = (thrown.statusCode ?? 500) < 500;
    if (!client) this.#log.error({ err: thrown }, 'request failed');
    const code = KNOWN[thrown.code] ?? (client ? 'BAD_REQUEST' : 'INTERNAL');
    return new DepthcastError(code, client ? { detail: thrown.message } : {});
  }
}
