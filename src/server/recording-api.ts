import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Recordings } from '../session/recordings.ts';
import type { Authorizer } from './authorizer.ts';
import { clientKey } from './request-limit.ts';

type StreamRequest = FastifyRequest<{ Params: { stream: string } }>;

/** `/api/streams/NAME/recording`: begins, tells of and ends the recording of a stream, for whoever may publish it. */
export function addRecording(
  app: FastifyInstance,
  { recordings }: { recordings: Recordings },
  authorizer: Pick<Authorizer, 'admit'>,
): void {
  const url = '/api/streams/:stream/recording';
  const onRequest = async (request: FastifyRequest) => {
    const { stream } = (request as StreamRequest).params;
    await authorizer.admit(clientKey(request), request.headers.authorization, { do: 'publish', stream });
  };
  app.post(url, { onRequest }, async (request: StreamRequest, reply) =>
    reply.code(201).send(await recordings.start(request.params.stream)),
  );
  app.get(url, { onRequest }, async (request: StreamRequest, reply) => {
    reply.header('cache-control', 'no-store');
    return recordings.status(request.params.stream);
  });
  app.delete(url, { onRequest }, async (request: StreamRequest) => recordings.stop(request.params.stream));
}
