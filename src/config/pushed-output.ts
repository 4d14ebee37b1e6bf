import { z } from 'zod';
import { matteChange } from '../protocol/matte.ts';
import { LAYOUTS } from '../protocol/messages.ts';
import { STREAM_NAME } from './pulled-source.ts';
import { secret, shown } from './rules.ts';

/** As of pulled sources: what FFmpeg and the URL standard read alike. */
const PUSH_URL = /^(rtsps?|srt):\/\/(?!\/)[\w\-.~:/?[\]@!$&'()*+,;=%]{1,2000}$/i;

/** What an address sends by; undefined where nothing can be sent to it. */
export function pushKindOf(url: string): 'rtsp' | 'srt' | undefined {
  if (!PUSH_URL.test(url) || !URL.canParse(url) || new URL(url).hostname === '') return undefined;
  return /^rtsp/i.test(url) ? 'rtsp' : 'srt';
}

const name = shown(z.string().regex(STREAM_NAME, 'letters, digits, . _ ~ - are expected, 64 at most'));

/** A stream that the server sends somewhere by itself: in `outputs.push`, and in the body of `POST /api/outputs`. */
export const pushedOutputSchema = z.strictObject({
  name,
  stream: name,
  url: secret(
    z.string().refine((url) => pushKindOf(url) !== undefined, 'srt://HOST:PORT, rtsp:// or rtsps:// is expected'),
  ),
  layout: z.enum(LAYOUTS).default('depth'),
  bitrate: z.int().min(100_000).max(100_000_000).default(6_000_000),
  maxSide: z.int().min(64).max(4096).default(1920),
  matte: z
    .custom<z.infer<typeof matteChange>>(
      (value) => matteChange.safeParse(value).success,
      'unit (normalised or metres), near, far and soft are expected',
    )
    .meta(z.toJSONSchema(matteChange) as Record<string, unknown>)
    .optional(),
});
export type PushedOutputSettings = z.infer<typeof pushedOutputSchema>;
