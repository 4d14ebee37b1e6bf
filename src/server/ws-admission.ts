import type { FastifyInstance, FastifyRequest } from 'fastify';
import { DepthcastError } from '../errors.ts';
import type { Guards } from './guards.ts';
import { clientAddress, clientKey } from './request-limit.ts';
import { type AdmittedSocket, addUpgrades } from './upgrade.ts';
import { type WsContext, WsSession } from './ws-session.ts';

/** Connections to /ws at once, for each stream that the server carries. */
const SOCKETS_PER_STREAM = 4;

/**
 * Decides who may connect to `/ws`, and keeps who has.
 * @returns the sessions, as they come and go
 */
export function addWebSockets(
  app: FastifyInstance,
  context: WsContext,
  { places, authorizer }: Guards,
): ReadonlySet<WsSession> {
  const { config } = context;
  const sessions = new Set<WsSession>();
  let admitted = 0;
  const enter = async (request: FastifyRequest): Promise<AdmittedSocket> => {
    const address = clientKey(request);
    const client = clientAddress(request);
    const bearer = /^Bearer /i.exec(request.headers.authorization ?? '')?.input;
    const admit = (authorization: string | undefined) => authorizer.admit(address, authorization, { do: 'duplex' });
    // A program may show its token at once; a browser cannot, and says it in hello.
    const grant = bearer === undefined ? undefined : await admit(bearer);
    // No await from here to the place: connections that come together do not pass the bound together.
    if (admitted >= config.limits.streams * SOCKETS_PER_STREAM) throw new DepthcastError('BUSY', { retryAfter: 5 });
    const place = places.take(address);
    admitted++;
    const end = () => {
      admitted--;
      place.leave();
    };
    return {
      open: (socket) => {
        const session = new WsSession(socket, context, {
          client,
          admit: async (token) => grant ?? admit(token === undefined ? undefined : `Bearer ${token}`),
          renew: (token) => admit(`Bearer ${token}`),
          settle: place.settle,
        });
        sessions.add(session);
        socket.on('close', () => {
          sessions.delete(session);
          end();
        });
      },
      cancel: end,
    };
  };
  addUpgrades(app, enter, (code) => context.metrics.rejected.inc({ code }));
  return sessions;
}
