import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ServerContext } from '../session/server-context.ts';
import { listStreams, thumbnailOf } from '../session/stream-list.ts';
import type { Authorizer } from './authorizer.ts';
import { clientKey } from './request-limit.ts';
import { STUDIO_PAGES } from './studio-pages.ts';

export interface Addresses {
  /** Of this server's pages, for browsers on its networks; none where it listens on loopback alone. */
  network: readonly string[];
  /** Of a certificate that was made here, which browsers do not know: hex pairs of its SHA-256 digest. */
  sha256: string | null;
}

type StreamRequest = FastifyRequest<{ Params: { stream: string } }>;

/** `/api/streams`, `/api/streams/NAME/thumbnail`: what is live, for whoever may view it; `/api/addresses`: where phones find the pages. */
export function addStreams(
  app: FastifyInstance,
  context: Pick<ServerContext, 'registry' | 'sources'>,
  authorizer: Pick<Authorizer, 'admit' | 'viewable'>,
  addresses: () => Addresses,
): void {
  app.get('/api/streams', async (request, reply) => {
    const viewable = await authorizer.viewable(clientKey(request), request.headers.authorization);
    const pages = Object.keys(STUDIO_PAGES).filter((page) => app.hasRoute({ method: 'GET', url: `/${page}/:stream` }));
    reply.header('cache-control', 'no-store');
    const streams = listStreams(context)
      .filter(({ name }) => viewable(name))
      .map((stream) => ({ ...stream, pages: pages.map((page) => `${page}/${stream.name}`) }));
    return { streams };
  });
  app.get('/api/streams/:stream/thumbnail', async (request: StreamRequest, reply) => {
    const { stream } = request.params;
    await authorizer.admit(clientKey(request), request.headers.authorization, { do: 'view', stream });
    const image = await thumbnailOf(stream, context);
    reply.header('cache-control', 'no-store');
    if (!image) return reply.code(204).send();
    return reply.type('image/jpeg').header('depthcast-frame', String(image.frameId)).send(Buffer.from(image.bytes));
  });
  app.get('/api/addresses', async (request, reply) => {
    await authorizer.admit(clientKey(request), request.headers.authorization, { do: 'api' });
    reply.header('cache-control', 'no-store');
    return addresses();
  });
}
