import { z } from 'zod';
import { DepthcastError } from '../errors.ts';
import { type CameraSettings, cameraSettings } from '../protocol/index.ts';
import { LAYOUTS, type Layout, STILL_SETTINGS, UPSAMPLINGS } from '../protocol/output.ts';
import { type StreamChange, streamChange } from '../session/stream-settings.ts';
import { readInput } from './read-input.ts';

// What the addresses of WHIP and WHEP may ask for. Other keys of a query are somebody else's and passed over.

const pixels = z.string().regex(/^-?\d+(\.\d+)?$/, 'a number is expected');

export const whipQuery = z.object({
  model: z.string().max(64).optional().describe('Name of a model of /api/info'),
  size: z
    .string()
    .regex(/^\d{2,4}$/, 'a number is expected')
    .optional()
    .describe('Network size, one of the model'),
  range: z
    .string()
    .regex(/^(auto|[-+.\deE]{1,32},[-+.\deE]{1,32})$/, 'auto, or NEAR,FAR is expected')
    .optional()
    .describe("Display range: auto, or NEAR,FAR in the model's unit"),
  layout: z.enum(LAYOUTS).optional().describe('What viewers see who ask for nothing else'),
  upsampling: z.enum(UPSAMPLINGS).optional().describe('How depth is enlarged for tracks'),
  still: z.enum(STILL_SETTINGS).optional().describe('Whether depth is reused while the picture stands still'),
  recording: z.enum(['on', 'off']).optional().describe('Whether it is recorded from its beginning'),
  hfov: pixels.optional().describe('Field of view of the camera across the picture, degrees'),
  fx: pixels.optional().describe('Focal length in pixels; with fy, cx and cy in place of hfov'),
  fy: pixels.optional(),
  cx: pixels.optional(),
  cy: pixels.optional(),
  width: pixels.optional().describe('Of the picture that fx, fy, cx, cy are for, with height'),
  height: pixels.optional(),
});

const distance = z.string().max(32).optional();
export const whepQuery = z.object({
  layout: z.enum(LAYOUTS).optional().describe('What the track shows'),
  unit: z.string().max(32).optional().describe("normalised or metres: of this viewer's own matte"),
  near: distance.describe('Where the matte begins'),
  far: distance.describe('Where it ends'),
  preset: z.string().max(64).optional().describe('Levels that were kept under this name'),
  soft: distance.describe('Width of its ramps'),
});

/** What a publisher's address asks for. */
export interface WhipSettings {
  change: StreamChange;
  recording: boolean;
  camera: CameraSettings | undefined;
}

/** @throws DepthcastError BAD_REQUEST */
export function whipSettings(query: unknown): WhipSettings {
  const { recording, size, range, model, layout, upsampling, still } = readInput(
    whipQuery.pick({
      recording: true,
      size: true,
      range: true,
      model: true,
      layout: true,
      upsampling: true,
      still: true,
    }),
    query,
    'query',
  );
  const [near, far] = (range ?? '').split(',').map(Number);
  const asked = {
    model,
    size: size === undefined ? undefined : Number(size),
    range: range === undefined || range === 'auto' ? range : { near, far },
    layout,
    upsampling,
    still,
  };
  const change = readInput(
    streamChange,
    Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined)),
    'query',
  );
  return { change, recording: recording === 'on', camera: cameraOf(query) };
}

/** @throws DepthcastError BAD_REQUEST */
export const whepLayout = (query: unknown): Layout | undefined => readInput(whepQuery, query, 'query').layout;

const CAMERA_KEYS = ['hfov', 'fx', 'fy', 'cx', 'cy', 'width', 'height'] as const;

/**
 * `?hfov=70`, or `?fx=900&fy=900&cx=640&cy=360`, with `&width=1280&height=720` where it was calibrated at that size. undefined where
 * the query has nothing of it.
 */
function cameraOf(query: unknown): CameraSettings | undefined {
  const given = Object.entries(query ?? {}).filter(([key]) => (CAMERA_KEYS as readonly string[]).includes(key));
  if (given.length === 0) return undefined;
  const camera = cameraSettings.safeParse(
    Object.fromEntries(given.map(([key, text]) => [key, text === '' ? Number.NaN : Number(text)])),
  );
  if (camera.success) return camera.data;
  const detail = 'the camera is hfov in degrees, or fx, fy, cx, cy in pixels, with width and height or without';
  throw new DepthcastError('BAD_REQUEST', { detail });
}
