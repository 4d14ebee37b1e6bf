import type { FastifyInstance, FastifyRequest } from 'fastify';
import * as z from 'zod/mini';
import { STREAM_NAME } from '../config/pulled-source.ts';
import { DepthcastError } from '../errors.ts';
import { type MatteSettings, matteChange } from '../protocol/matte.ts';
import { type TrackReport, trackReports } from '../session/outputs.ts';
import type { ServerContext } from '../session/server-context.ts';
import { LiveStream } from '../stream/live-stream.ts';
import type { Authorizer } from './authorizer.ts';
import { clientKey } from './request-limit.ts';

type Context = Pick<ServerContext, 'mattes' | 'registry'>;
type StreamRequest = FastifyRequest<{ Params: { stream: string } }>;
type PresetRequest = FastifyRequest<{ Params: { stream: string; preset: string } }>;

/** A stream's output, as `/api/streams/NAME/output` tells it. */
export interface OutputReport {
  stream: string;
  live: boolean;
  settings: MatteSettings;
  presets: Readonly<Record<string, MatteSettings>>;
  /** Where these are kept: `memory` ends with the server. */
  keptIn: 'file' | 'memory';
  /** Whether distances may be given in metres. */
  metres: boolean;
  /** Of everything that shows this stream, and of each kind of video. */
  viewers: number;
  tracks: TrackReport[];
  /** Frames a second; frames dropped since it began, for any reason; milliseconds from packet in to packet out. */
  framesIn: number;
  framesOut: number;
  framesDropped: number;
  latency: { p50: number; p95: number };
  /** Display range of the last map, in the network's unit, and the size of the last picture. */
  range: { near: number; far: number };
  picture: { width: number; height: number };
}

/** Body of a change: levels, or a preset's name. */
export const bodyOfChange = z.union([matteChange, z.strictObject({ preset: z.string().check(z.maxLength(64)) })]);

/** `/api/streams/NAME/output` and its presets: read by whoever may view the stream, changed by whoever may publish it. */
export function addOutputs(app: FastifyInstance, context: Context, authorizer: Pick<Authorizer, 'admit'>): void {
  const { mattes } = context;
  const url = '/api/streams/:stream/output';
  const guard = (right: 'view' | 'publish') => async (request: FastifyRequest) => {
    const { stream } = (request as StreamRequest).params;
    await authorizer.admit(clientKey(request), request.headers.authorization, { do: right, stream });
    if (!STREAM_NAME.test(stream))
      throw new DepthcastError('BAD_REQUEST', { detail: 'that stream name cannot be used' });
  };
  app.get(url, { onRequest: guard('view') }, async ({ params: { stream } }: StreamRequest, reply) => {
    reply.header('cache-control', 'no-store');
    return outputReport(context, stream);
  });
  app.put(url, { onRequest: guard('publish') }, async ({ params: { stream }, body }: StreamRequest, reply) => {
    reply.header('cache-control', 'no-store');
    const change = parsed(bodyOfChange, body);
    if ('preset' in change) mattes.recall(stream, change.preset);
    else mattes.change(stream, change);
    return outputReport(context, stream);
  });
  const presetUrl = `${url}/presets/:preset`;
  app.put(presetUrl, { onRequest: guard('publish') }, async ({ params, body }: PresetRequest, reply) => {
    reply.header('cache-control', 'no-store');
    mattes.savePreset(params.stream, params.preset, parsed(matteChange, body ?? {}));
    return outputReport(context, params.stream);
  });
  app.delete(presetUrl, { onRequest: guard('publish') }, async ({ params }: PresetRequest, reply) => {
    mattes.removePreset(params.stream, params.preset);
    return reply.code(204).send();
  });
}

function outputReport({ mattes, registry }: Context, name: string): OutputReport {
  const stream = registry.streams.find((one) => one.name === name);
  const { latest, totals } = stream?.stats ?? {};
  const { near = 0, far = 0, width = 0, height = 0 } = stream?.last ?? {};
  return {
    stream: name,
    live: stream !== undefined,
    settings: mattes.settings(name),
    presets: mattes.presets(name),
    keptIn: mattes.keptIn,
    metres: stream?.unit === 'metres',
    viewers: registry.viewersOf(name),
    tracks: stream instanceof LiveStream ? trackReports(stream) : [...(stream?.tracks ?? [])],
    framesIn: latest?.framesIn ?? 0,
    framesOut: latest?.framesOut ?? 0,
    framesDropped: Object.values(totals?.dropped ?? {}).reduce((sum, count) => sum + count, 0),
    latency: latest?.latency ?? { p50: 0, p95: 0 },
    range: { near, far },
    picture: { width, height },
  };
}

function parsed<T>(schema: z.ZodMiniType<T>, body: unknown): T {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const detail =
    'an object is expected with any of unit (normalised or metres), near, far and soft (0 to 10000), or with the name of a preset';
  throw new DepthcastError('BAD_REQUEST', { detail });
}
