import type { OutputSettings, Source, SourceSpec, VideoCodec } from 'depthcast-client';
import { CODEC_NAMES } from '../../../src/codecs.ts';
import type { ColourMapName } from '../../../src/protocol/colour-map.ts';
import { DEPTH_FORMATS } from '../../../src/protocol/index.ts';
import { LAYOUTS, OUTPUT_TRACKS, UPSAMPLINGS } from '../../../src/protocol/messages.ts';
import { tokenOf } from '../token.ts';

export type SourceChoice = Exclude<SourceSpec, MediaStream | Source>;

/** Everything that the address of the page can set. */
export interface PageSettings {
  source: SourceChoice;
  autostart: boolean;
  /** Another server than the one that the page came from. */
  server: string | undefined;
  /** Of the address's fragment (`#token=…`), which browsers send to nobody. */
  token: string | undefined;
  codec: VideoCodec;
  output: Partial<OutputSettings>;
  map: ColourMapName;
  /** What the depth pane shows: values of the data channel or the gray track. */
  view: 'data' | 'track';
}

const oneOf = <T extends string>(value: string | null, allowed: readonly T[], fallback: T): T =>
  allowed.find((a) => a === value) ?? fallback;

/**
 * Reads the page's address. Parameters, all optional:
 * - `source`: `scene:NAME`, `camera`, `camera:user`, `camera:environment`, `camera:DEVICE_ID`, `file:URL`
 * - `autostart=1` begins without the button
 * - `server`: http(s) or ws(s) address of another server
 * - `codec`: VP8, H264, VP9, AV1, H265; `track`: gray, off; `data`: none, u8, u16, f16; `model`, `size`; `range`: auto or NEAR,FAR
 * - `map`: turbo, inferno, gray; `view`: data, track; `width`, `height`, `fps` of a camera or scene
 * Values that are not known fall back to the default.
 */
export function readSettings(search: string, hash: string, scenes: readonly string[]): PageSettings {
  const query = new URLSearchParams(search);
  const model = query.get('model');
  const size = Number(query.get('size'));
  const data = oneOf(query.get('data'), DEPTH_FORMATS, 'u16');
  const layout = LAYOUTS.find((name) => name === query.get('layout'));
  const upsampling = UPSAMPLINGS.find((name) => name === query.get('upsampling'));
  return {
    source: readSource(query, scenes),
    autostart: ['1', 'true', ''].includes(query.get('autostart') ?? '0'),
    server: query.get('server') ?? undefined,
    token: tokenOf(hash),
    codec: oneOf(query.get('codec')?.toUpperCase() ?? null, CODEC_NAMES, 'VP8'),
    output: {
      track: oneOf(query.get('track'), OUTPUT_TRACKS, 'gray'),
      data,
      range: readRange(query.get('range')),
      ...(layout ? { layout } : {}),
      ...(upsampling ? { upsampling } : {}),
      ...(model ? { model } : {}),
      ...(Number.isInteger(size) && size > 0 ? { size } : {}),
    },
    map: oneOf(query.get('map'), ['turbo', 'inferno', 'gray'], 'turbo'),
    view: oneOf(query.get('view'), ['data', 'track'], data === 'none' ? 'track' : 'data'),
  };
}

function readSource(query: URLSearchParams, scenes: readonly string[]): SourceChoice {
  const text = query.get('source') ?? '';
  const colon = text.indexOf(':');
  const kind = colon < 0 ? text : text.slice(0, colon);
  const rest = colon < 0 ? '' : text.slice(colon + 1);
  const positive = (key: string) => {
    const value = Number(query.get(key));
    return Number.isFinite(value) && value > 0 ? value : undefined;
  };
  const [width, height, frameRate] = [positive('width'), positive('height'), positive('fps')];
  const size = { ...(width ? { width } : {}), ...(height ? { height } : {}), ...(frameRate ? { frameRate } : {}) };
  if (kind === 'camera') {
    if (rest === 'user' || rest === 'environment') return { kind, facing: rest, ...size };
    return { kind, ...(rest ? { deviceId: rest } : {}), ...size };
  }
  if (kind === 'file' && rest) return { kind, file: rest };
  return { kind: 'scene', name: oneOf(rest, scenes, scenes[0] ?? ''), ...size };
}

function readRange(text: string | null): OutputSettings['range'] {
  const [near = Number.NaN, far = Number.NaN] = (text ?? '')
    .split(',')
    .map((part) => (part ? Number(part) : Number.NaN));
  return Number.isFinite(near) && Number.isFinite(far) && near !== far ? { near, far } : 'auto';
}
