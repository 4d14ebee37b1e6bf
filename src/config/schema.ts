import { isIP } from 'node:net';
import { z } from 'zod';
import { CODEC_NAMES } from '../codecs.ts';
import { type CameraSettings, cameraSettings, DEPTH_FORMATS } from '../protocol/index.ts';
import { LAYOUTS, OUTPUT_TRACKS, UPSAMPLINGS } from '../protocol/messages.ts';
import { DATA_SIZES } from '../protocol/output.ts';
import { pulledSourceSchema } from './pulled-source.ts';
import { pushedOutputSchema } from './pushed-output.ts';
import { rightsSchema } from './rights.ts';
import { live, restart, secret, shown } from './rules.ts';

const codec = z.enum(CODEC_NAMES);
const token = z.string().min(8).max(4096);
const file = shown(z.string().min(1).nullable().default(null));
/** As RFC 7064 and RFC 7065 have it. */
const iceUrl = z
  .string()
  .regex(/^(stuns?|turns?):[^\s<>",]{1,255}$/i, 'a STUN or TURN address is expected, as turn:host:3478');
/** It goes into a Link header. */
const headerText = z.string().regex(/^[\x20-\x7e]{1,512}$/);
/** A name or an address, without scheme and port. */
const hostName = z.string().regex(/^[\w.-]{1,253}$|^[\da-f:.]{2,45}$/i, 'a host name is expected, as depth.example');
/** An address, or a network as address/prefix. */
const network = z.string().refine((text) => {
  const [address = '', prefix, ...rest] = text.split('/');
  const bits = { 0: -1, 4: 32, 6: 128 }[isIP(address) as 0 | 4 | 6];
  return (
    rest.length === 0 && bits >= 0 && (prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits))
  );
}, 'an address or a network is expected, as 10.0.0.0/8');
/** A host's name, in which `*` stands for any characters, or an address. */
const hostPattern = z.string().regex(/^[\w.*-]{1,253}$|^[\da-f:.]{2,45}$/i, 'a host is expected, as *.cameras.example');
const httpUrl = shown(
  z
    .url({ protocol: /^https?$/ })
    .nullable()
    .default(null),
);
const camera = z.custom<CameraSettings>(
  (value) => cameraSettings.safeParse(value).success,
  'a camera is expected: { hfov } in degrees, or { fx, fy, cx, cy } in pixels, with width and height or without',
);
const port = z.int().min(0).max(65535);
export const MOST_MEDIA_WORKERS = 64;

/**
 * Every setting: its type, its default, whether SIGHUP takes it over (`live`, `restart`) and, of text, whether it may be seen
 * (`secret`, `shown`). Tests refuse a key without these marks, or without its comment in config/depthcast.yaml.
 */
export const configSchema = z.strictObject({
  server: z.strictObject({
    host: restart(shown(z.string().min(1).default('127.0.0.1'))),
    port: restart(port.default(8080)),
    bodyLimit: restart(
      z
        .int()
        .min(1024)
        .max(1 << 20)
        .default(65536),
    ),
    allowedOrigins: live(shown(z.array(z.string()).default(['*']))),
    names: live(shown(z.array(hostName).max(64).default([]))),
    tokens: live(
      secret(
        z
          .array(z.union([token, rightsSchema.extend({ token }).strict()]))
          .max(256)
          .default([]),
      ),
    ),
    protect: live(z.array(z.enum(['publish', 'view', 'api', 'metrics'])).default(['publish', 'view'])),
    redirectWhenBusy: live(httpUrl),
    trustProxy: restart(shown(z.union([z.boolean(), z.array(z.string().min(1)).max(64)]).default(false))),
    mediaWorkers: restart(z.union([z.int().min(0).max(MOST_MEDIA_WORKERS), z.literal('auto')]).default('auto')),
    drainSeconds: live(z.number().min(0).max(86_400).default(10)),
  }),
  cluster: z.strictObject({
    agentPort: restart(z.int().min(1).max(65535).nullable().default(null)),
    agentHost: restart(shown(z.string().min(1).nullable().default(null))),
  }),
  livekit: z.strictObject({
    url: restart(
      shown(
        z
          .url({ protocol: /^(wss?|https?)$/ })
          .nullable()
          .default(null),
      ),
    ),
    name: restart(shown(z.string().max(128).default('depth'))),
    auto: restart(z.boolean().default(false)),
    healthPort: restart(z.int().min(1).max(65535).nullable().default(null)),
  }),
  tls: z.strictObject({
    cert: restart(file),
    key: restart(file),
    generate: restart(z.boolean().default(false)),
  }),
  jwt: z.strictObject({
    secret: live(secret(z.string().min(32).nullable().default(null))),
    publicKey: live(file),
    jwks: live(file),
    jwksUrl: live(httpUrl),
    issuer: live(shown(z.string().min(1).nullable().default(null))),
    audience: live(shown(z.string().min(1).nullable().default(null))),
    clockTolerance: live(z.number().min(0).max(300).default(5)),
    endsSessions: live(z.boolean().default(true)),
  }),
  limits: z.strictObject({
    streams: live(z.int().min(1).max(4096).default(16)),
    viewersPerStream: live(z.int().min(1).max(4096).default(64)),
    encodesPerStream: live(z.int().min(1).max(8).default(4)),
    setupSeconds: live(z.number().min(1).max(300).default(15)),
    idleSeconds: live(z.number().min(1).max(3600).default(30)),
    pictureSide: live(z.int().min(64).max(16384).default(4096)),
    connections: restart(z.int().min(1).max(1_000_000).default(1024)),
    connectionsPerAddress: restart(z.int().min(1).max(1_000_000).default(256)),
    sessionsPerAddress: live(z.int().min(1).max(65536).default(64)),
    utilisation: live(z.number().min(0.1).max(100).nullable().default(2)),
    slowViewerSeconds: live(z.number().min(1).max(3600).default(20)),
    setupsPerAddress: live(z.int().min(1).max(65536).default(8)),
    setups: live(z.int().min(1).max(65536).default(128)),
    requestsPerMinute: live(z.int().min(1).max(1_000_000).default(600)),
    peerCpu: live(z.number().min(0.01).max(1).default(0.25)),
    peerMemory: live(z.int().min(24).max(4096).default(48)),
    deviceMemory: restart(z.int().min(1).max(1_048_576).nullable().default(null)),
    authFailuresPerMinute: live(z.int().min(1).max(100_000).default(20)),
  }),
  rtc: z.strictObject({
    codecs: live(z.array(codec).min(1).default(CODEC_NAMES)),
    receiveBitrate: live(z.int().min(50_000).max(100_000_000).default(4_000_000)),
    hostAddresses: live(shown(z.array(z.string()).max(16).default(['127.0.0.1']))),
    portRange: live(z.tuple([port, port]).nullable().default(null)),
    iceServers: live(
      z
        .array(
          z.strictObject({
            urls: shown(z.union([iceUrl, z.array(iceUrl).min(1).max(8)])),
            username: shown(headerText.optional()),
            credential: secret(headerText.optional()),
            secret: secret(z.string().min(1).optional()),
          }),
        )
        .max(8)
        .default([]),
    ),
    turnTtlSeconds: live(
      z
        .int()
        .min(60)
        .max(7 * 86_400)
        .default(43_200),
    ),
    useRelay: live(z.boolean().default(false)),
    dtls: live(z.literal([1.2, 1.3]).default(1.2)),
    minPeerPort: live(port.default(1024)),
    privatePeers: live(z.enum(['always', 'local', 'never']).default('local')),
    allowPeers: live(shown(z.array(network).max(256).default([]))),
    denyPeers: live(shown(z.array(network).max(256).default([]))),
  }),
  depth: z.strictObject({
    model: restart(shown(z.string().min(1).default('depthcast-nano'))),
    size: restart(
      z
        .union([z.int().min(16).max(4096), z.literal('auto')])
        .nullable()
        .default(null),
    ),
    targetFps: restart(z.number().min(0.1).max(240).default(15)),
    metric: restart(z.boolean().nullable().default(null)),
    precision: restart(z.enum(['fp32', 'fp16', 'int8']).nullable().default(null)),
    device: restart(z.enum(['auto', 'cpu', 'webgpu', 'cuda']).default('cpu')),
    deviceIndex: restart(z.int().min(0).max(63).nullable().default(null)),
    onnxruntimeLibrary: restart(file),
    threads: restart(z.int().min(0).max(128).default(0)),
    workers: restart(z.int().min(0).max(16).default(0)),
    gapSeconds: live(z.number().min(0.1).max(3600).default(2)),
    sceneCuts: live(z.boolean().default(true)),
    camera: live(camera.nullable().default(null)),
    still: live(z.enum(['auto', 'on', 'off']).default('auto')),
    cutThreshold: restart(z.number().min(0).max(2).nullable().default(null)),
  }),
  models: z.strictObject({
    folder: restart(file),
    mirror: restart(httpUrl),
  }),
  output: z.strictObject({
    track: live(z.enum(OUTPUT_TRACKS).default('gray')),
    layout: live(z.enum(LAYOUTS).default('depth')),
    upsampling: live(z.enum(UPSAMPLINGS).default('off')),
    data: live(z.enum(DEPTH_FORMATS).default('u16')),
    dataSize: live(z.enum(DATA_SIZES).default('network')),
    u16Steps: live(z.int().min(255).max(65534).default(4095)),
    minBitrate: live(z.int().min(20_000).default(150_000)),
    maxBitrate: live(z.int().max(100_000_000).default(3_000_000)),
    trackSide: live(z.int().min(64).max(4096).default(1280)),
  }),
  sources: z.strictObject({
    scenes: restart(shown(z.array(z.string()).max(16).default([]))),
    width: restart(z.int().min(64).max(1920).default(640)),
    height: restart(z.int().min(64).max(1080).default(480)),
    fps: restart(z.number().min(1).max(120).default(30)),
    pull: restart(z.array(pulledSourceSchema).max(64).default([])),
    pullLimit: live(z.int().min(0).max(64).default(8)),
    apiHosts: live(shown(z.array(hostPattern).max(64).default([]))),
  }),
  outputs: z.strictObject({
    settingsFile: restart(file),
    push: restart(z.array(pushedOutputSchema).max(64).default([])),
    pushLimit: live(z.int().min(0).max(64).default(8)),
    apiHosts: live(shown(z.array(hostPattern).max(64).default([]))),
  }),
  recording: z.strictObject({
    folder: restart(file),
    streams: live(shown(z.array(z.string().min(1).max(128)).max(64).default([]))),
    fileMegabytes: live(z.int().min(1).max(65536).default(1024)),
    fileSeconds: live(z.number().min(1).max(86_400).default(600)),
    reserveMegabytes: live(
      z
        .int()
        .min(0)
        .max(2 ** 24)
        .default(1024),
    ),
    limit: live(z.int().min(1).max(1024).default(4)),
  }),
  bridge: z.strictObject({
    foxglove: restart(
      z
        .strictObject({
          port: port.nullable().default(null),
          host: shown(z.string().min(1).nullable().default(null)),
          clients: z.int().min(1).max(256).default(8),
          queueMegabytes: z.number().min(0.1).max(1024).default(4),
        })
        .prefault({}),
    ),
  }),
  targets: live(
    z
      .array(
        z.strictObject({
          model: shown(z.string()),
          precision: z.enum(['fp32', 'fp16', 'int8']),
          seconds: z.number().positive(),
          source: shown(z.string()),
        }),
      )
      .max(64)
      .default([]),
  ),
  log: z.strictObject({
    level: live(z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info')),
  }),
});

export type Config = z.infer<typeof configSchema>;

/** What a running server has: `auto` has become a size. */
export type SettledConfig = Config & { depth: { size: number | null } };
