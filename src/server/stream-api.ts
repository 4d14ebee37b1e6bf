import type { FastifyInstance, FastifyRequest } from 'fastify';
import { DepthcastError } from '../errors.ts';
import type { Layout } from '../protocol/output.ts';
import type { Recordings } from '../session/recordings.ts';
import type { Registry } from '../session/registry.ts';
import type { SessionStream } from '../session/session.ts';
import {
  changeStream,
  type SettingsContext,
  type StreamSettings,
  settingsOf,
  streamChange,
} from '../session/stream-settings.ts';
import type { Authorizer } from './authorizer.ts';
import { readInput } from './read-input.ts';
import { clientKey } from './request-limit.ts';

type StreamRequest = FastifyRequest<{ Params: { stream: string } }>;
type Context = SettingsContext & {
  config: { output: { layout: Layout } };
  registry: Pick<Registry, 'streams' | 'viewersOf'>;
  recordings: Pick<Recordings, 'isRecording'>;
};

/** A live stream, as `/api/streams/NAME` tells it. */
export interface StreamReport extends StreamSettings {
  name: string;
  /** What viewers see who ask for nothing else. */
  layout: Layout;
  unit: SessionStream['unit'];
  /** Of the last picture. */
  width: number;
  height: number;
  framesIn: number;
  framesOut: number;
  viewers: number;
  recording: boolean;
}

/** `/api/streams/NAME`: settings of a live stream, for whoever may view it; changed by whoever may publish it. */
export function addStream(app: FastifyInstance, context: Context, authorizer: Pick<Authorizer, 'admit'>): void {
  const url = '/api/streams/:stream';
  const guard = (right: 'view' | 'publish') => async (request: FastifyRequest) => {
    const { stream } = (request as StreamRequest).params;
    await authorizer.admit(clientKey(request), request.headers.authorization, { do: right, stream });
  };
  app.get(url, { onRequest: guard('view') }, async ({ params }: StreamRequest, reply) => {
    reply.header('cache-control', 'no-store');
    return report(find(params.stream, context), context);
  });
  app.patch(url, { onRequest: guard('publish') }, async ({ params, body }: StreamRequest, reply) => {
    const stream = find(params.stream, context);
    const change = readInput(streamChange, body, 'body');
    await changeStream(stream, change, context);
    reply.header('cache-control', 'no-store');
    return report(stream, context);
  });
}

function find(name: string, { registry }: Context): SessionStream {
  const stream = registry.streams.find((one) => one.name === name);
  if (!stream) throw new DepthcastError('NO_PUBLISHER', { detail: name });
  return stream;
}

function report(stream: SessionStream, { config, registry, recordings }: Context): StreamReport {
  const { name, unit, last, stats } = stream;
  return {
    name,
    ...settingsOf(stream),
    layout: stream.layout ?? config.output.layout,
    unit,
    width: last.width,
    height: last.height,
    framesIn: stats.latest?.framesIn ?? 0,
    framesOut: stats.latest?.framesOut ?? 0,
    viewers: registry.viewersOf(name),
    recording: recordings.isRecording(stream),
  };
}
