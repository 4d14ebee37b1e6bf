import { z } from 'zod';
import { CODEC_NAMES } from '../../codecs.ts';
import { CATALOGUE, type ErrorCode } from '../../errors.ts';
import { matteSettings } from '../../protocol/matte.ts';
import { LAYOUTS, STILL_SETTINGS, UPSAMPLINGS } from '../../protocol/output.ts';
import type { SourceReport } from '../../session/pulled-sources.ts';
import type { PushReport } from '../../session/pushed-outputs.ts';
import type { SessionReport } from '../../session/session-report.ts';
import type { StreamReport as ListedStream } from '../../session/stream-list.ts';
import type { RecordingStatus } from '../../sinks/mcap/mcap-recorder.ts';
import type { OutputReport } from '../outputs-api.ts';
import type { StreamReport } from '../stream-api.ts';
import type { Addresses } from '../streams-api.ts';

// What calls answer, for the document; the tests hold real answers against it.

const problem = z.object({ code: z.string(), message: z.string() });
const count = z.int().min(0);
const rate = z.number().min(0).describe('a second');
const unit = z.enum(['disparity', 'metres']);
/** Of the network: in force, and asked for; it is less while the server is busy and depth.size is auto. */
const size = z.object({ now: z.int(), asked: z.int() });
const intrinsics = z.object({
  fx: z.number(),
  fy: z.number(),
  cx: z.number(),
  cy: z.number(),
  source: z.enum(['given', 'derived', 'assumed']),
});

export const errorAnswer = z.object({
  code: z.enum(Object.keys(CATALOGUE) as [ErrorCode, ...ErrorCode[]]),
  message: z.string().describe('For people.'),
});

export const recordingStatus = z.object({
  state: z.enum(['recording', 'stopped', 'failed']),
  file: z.string().nullable().describe('The present file, or the last.'),
  files: count,
  frames: count,
  dropped: count.describe('Frames that were left out: the disk or the encoder was still busy.'),
  bytes: count,
  problem: problem.nullable(),
}) satisfies z.ZodType<RecordingStatus>;

export const sourceReport = z.object({
  name: z.string(),
  from: z.enum(['config', 'api']),
  kind: z.enum(['rtsp', 'srt', 'http', 'v4l2', 'file']),
  url: z.string().describe('Without user, password and query.'),
  state: z.enum(['connecting', 'live', 'waiting']),
  codec: z.string().nullable(),
  container: z.string().nullable(),
  width: count,
  height: count,
  connections: count,
  pictures: count,
  skipped: count,
  captureTime: z.enum(['told', 'estimated', 'unknown']),
  problem: problem.nullable(),
  retryInSeconds: z.number().nullable(),
  model: z.string(),
  size,
  framesIn: rate,
  framesOut: rate,
  depth: count,
  reused: count,
}) satisfies z.ZodType<SourceReport>;
export const sourceList = z.object({ sources: z.array(sourceReport) });

const sessionReport = z.object({
  session: z.string().describe('The first characters of its id, which is a secret.'),
  kind: z.enum(['ws', 'whip', 'whep']),
  stream: z.string().nullable(),
  state: z.enum(['connecting', 'connected', 'closed']),
  model: z.string(),
  video: z.exactOptional(
    z.object({
      codec: z.string(),
      width: count,
      height: count,
      intrinsics: intrinsics.nullable(),
      unit,
      size,
      framesIn: rate,
      framesOut: rate,
      arrived: count,
      decoded: count,
      depth: count,
      reused: count,
      dropped: z.record(z.string(), count).describe('By reason.'),
    }),
  ),
  packets: z.exactOptional(z.object({ received: count, lost: count, recovered: count, other: count, unknown: count })),
  problem: z.exactOptional(problem),
}) satisfies z.ZodType<SessionReport>;
export const sessionList = z.object({ sessions: z.array(sessionReport) });

export const info = z.looseObject({
  version: z.string(),
  device: z.string(),
  engines: z.array(z.looseObject({ model: z.string() })),
  models: z.array(
    z.looseObject({
      name: z.string(),
      title: z.string(),
      unit,
      sizes: z.array(z.int()).describe('Network sizes that may be asked for.'),
      defaultSize: z.int(),
    }),
  ),
  mediaWorkers: z.array(
    z.looseObject({ number: count, alive: z.boolean(), starting: z.boolean(), sessions: count, sources: count }),
  ),
  streams: count,
  limits: z.looseObject({ streams: z.int() }),
});

export const readiness = z.object({ ready: z.boolean(), reasons: z.array(z.string()) });

export const streamReport = z.object({
  name: z.string(),
  model: z.string(),
  size: z.int(),
  range: z.union([z.literal('auto'), z.object({ near: z.number(), far: z.number() })]),
  upsampling: z.enum(UPSAMPLINGS),
  still: z.enum(STILL_SETTINGS),
  layout: z.enum(LAYOUTS).describe('What viewers see who ask for nothing else.'),
  unit,
  width: count.describe('Of the last picture.'),
  height: count,
  framesIn: rate,
  framesOut: rate,
  viewers: count,
  recording: z.boolean(),
}) satisfies z.ZodType<StreamReport>;

export const pushReport = z.object({
  name: z.string(),
  stream: z.string(),
  layout: z.enum(LAYOUTS),
  from: z.enum(['config', 'api']),
  kind: z.enum(['srt', 'rtsp']),
  url: z.string().describe('Without user, password and query.'),
  state: z.enum(['idle', 'connecting', 'live', 'waiting']),
  connections: count,
  frames: count,
  dropped: count,
  problem: problem.nullable(),
}) satisfies z.ZodType<PushReport>;
export const pushList = z.object({ outputs: z.array(pushReport) });

const range = z.object({ near: z.number(), far: z.number() });
export const outputReport = z.object({
  stream: z.string(),
  live: z.boolean(),
  settings: matteSettings,
  presets: z.record(z.string(), matteSettings),
  keptIn: z.enum(['file', 'memory']).describe('Where presets are kept: memory ends with the server.'),
  metres: z.boolean().describe('Whether distances may be given in metres.'),
  viewers: count,
  tracks: z.array(z.object({ layout: z.enum(LAYOUTS), codec: z.enum(CODEC_NAMES), viewers: count })),
  framesIn: rate,
  framesOut: rate,
  framesDropped: count,
  latency: z.object({ p50: z.number(), p95: z.number() }).describe('Milliseconds from packet in to packet out.'),
  range,
  picture: z.object({ width: count, height: count }),
}) satisfies z.ZodType<OutputReport>;

const listedStream = z.object({
  name: z.string(),
  from: z.enum(['whip', 'source', 'scene']),
  state: z.enum(['live', 'waiting']),
  since: z.number().describe('ms since the Unix epoch'),
  model: z.string(),
  unit,
  width: count,
  height: count,
  frames: count,
  viewers: count,
});
listedStream satisfies z.ZodType<ListedStream>;
export const streamList = z.object({
  streams: z.array(listedStream.extend({ pages: z.array(z.string()).describe('Addresses of its pages') })),
});

export const addresses = z.object({
  network: z.array(z.string()),
  sha256: z.string().nullable().describe('Of a certificate that was made here.'),
}) satisfies z.ZodType<Addresses>;
