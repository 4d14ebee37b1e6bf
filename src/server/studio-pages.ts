import type { FastifyInstance, FastifyRequest } from 'fastify';
import { STREAM_NAME } from '../config/pulled-source.ts';
import { DepthcastError } from '../errors.ts';

/** Pages by the first part of their address, `/key/NAME`, and their files below the client's. */
export const STUDIO_PAGES = {
  desk: 'studio/desk.html',
  key: 'studio/air.html',
  matte: 'studio/air.html',
  fill: 'studio/air.html',
  both: 'studio/air.html',
} as const;

/** The pages of one stream for mixers, and its desk. Their files are in the folder that @fastify/static serves. */
export function addStudioPages(app: FastifyInstance): void {
  for (const [page, file] of Object.entries(STUDIO_PAGES))
    app.get(`/${page}/:stream`, (request: FastifyRequest<{ Params: { stream: string } }>, reply) => {
      if (!STREAM_NAME.test(request.params.stream))
        throw new DepthcastError('NOT_FOUND', { detail: 'no stream has such a name' });
      return reply.sendFile(file);
    });
}
