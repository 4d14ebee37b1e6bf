import { z } from 'zod';
import { type CameraSettings, cameraSettings } from '../protocol/index.ts';
import { secret, shown } from './rules.ts';

/** Names of streams: what fits a path segment and a log line, and means no other place in a path. */
export const STREAM_NAME = /^(?!\.{1,2}$)[\w.~-]{1,64}$/;
/** What FFmpeg and the URL standard read alike: no spaces, quotes, backslashes, control characters, and no fragment, which FFmpeg takes for more of the query. */
const NETWORK_URL = /^(rtsps?|srt|https?):\/\/(?!\/)[\w\-.~:/?[\]@!$&'()*+,;=%]{1,2000}$/i;
/** Cameras by their numbers, and by names that stay (`/dev/v4l/by-id/...`); files in `/dev/shm` are files. */
const DEVICE = /^\/dev\/(?!shm\/)(?!.*\.\.)[\w/.:+=@#-]{1,200}$/;
const FILE = /^(file:|\.{0,2}\/).{1,4000}$/s;

/** How a source is reached. */
export type PulledKind = 'rtsp' | 'srt' | 'http' | 'v4l2' | 'file';

/** What an address names; undefined where it can be no source. */
export function kindOf(url: string): PulledKind | undefined {
  if (NETWORK_URL.test(url) && URL.canParse(url) && new URL(url).hostname !== '')
    return /^rtsp/i.test(url) ? 'rtsp' : /^srt/i.test(url) ? 'srt' : 'http';
  if (DEVICE.test(url)) return 'v4l2';
  return FILE.test(url) ? 'file' : undefined;
}

/** A source that the server opens by itself: in `sources.pull`, and in the body of `POST /api/sources`. */
export const pulledSourceSchema = z.strictObject({
  name: shown(z.string().regex(STREAM_NAME, 'letters, digits, . _ ~ - are expected, 64 at most')),
  url: secret(
    z
      .string()
      .refine(
        (url) => kindOf(url) !== undefined,
        'rtsp://, rtsps://, srt://, http:// or https://, /dev/videoN, or a file as file:PATH, ./PATH or /PATH is expected',
      ),
  ),
  transport: z.enum(['tcp', 'udp']).default('tcp'),
  model: shown(z.string().min(1).max(256).optional()),
  size: z.int().min(16).max(4096).optional(),
  maxSide: z.int().min(64).max(4096).default(1280),
  timeoutSeconds: z.number().min(1).max(120).default(10),
  camera: z
    .custom<CameraSettings>(
      (value) => cameraSettings.safeParse(value).success,
      'a camera is expected: { hfov } in degrees, or { fx, fy, cx, cy } in pixels, with width and height or without',
    )
    .meta(z.toJSONSchema(cameraSettings) as Record<string, unknown>)
    .optional(),
  pictureSize: shown(
    z
      .string()
      .regex(/^\d{2,5}x\d{2,5}$/, 'a size is expected, as 1280x720')
      .optional(),
  ),
  fps: z.number().min(1).max(240).optional(),
  inputFormat: shown(
    z
      .string()
      .regex(/^[a-z0-9_]{2,24}$/, 'a format is expected, as mjpeg or yuyv422')
      .optional(),
  ),
  still: z.boolean().optional(),
});
export type PulledSourceSettings = z.infer<typeof pulledSourceSchema>;
