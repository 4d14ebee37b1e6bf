import * as z from 'zod/mini';
import { DEPTH_FORMATS, type DepthFormat } from './types.ts';

export const OUTPUT_TRACKS = ['gray', 'off'] as const;

/**
 * What a depth track shows: depth alone, as gray or in colours; a matte of what stands between two distances, white on black; the
 * picture that depth was made of (`fill`); or that very picture with its depth or matte, above or left of it in one video, which
 * nothing can separate.
 */
export const LAYOUTS = [
  'depth',
  'stacked',
  'side-by-side',
  'colour-map',
  'matte',
  'fill',
  'matte-stacked',
  'matte-side-by-side',
] as const;
export type Layout = (typeof LAYOUTS)[number];

/** Whether depth is reused while the picture does not change. */
export const STILL_SETTINGS = ['on', 'off'] as const;

/** Whether a layout shows a matte, and where it has the picture. */
export const LAYOUT_PARTS: Record<
  Layout,
  { shades: 'depth' | 'matte' | 'none'; picture: 'none' | 'alone' | 'above' | 'left' }
> = {
  depth: { shades: 'depth', picture: 'none' },
  stacked: { shades: 'depth', picture: 'above' },
  'side-by-side': { shades: 'depth', picture: 'left' },
  'colour-map': { shades: 'depth', picture: 'none' },
  matte: { shades: 'matte', picture: 'none' },
  fill: { shades: 'none', picture: 'alone' },
  'matte-stacked': { shades: 'matte', picture: 'above' },
  'matte-side-by-side': { shades: 'matte', picture: 'left' },
};

/** How depth is brought to the picture's size: interpolated, or along the picture's edges. */
export const UPSAMPLINGS = ['off', 'fast', 'best'] as const;
export type Upsampling = (typeof UPSAMPLINGS)[number];

/** Of the maps in packets: as the network makes them, or enlarged to the picture as `upsampling` says. */
export const DATA_SIZES = ['network', 'picture'] as const;
export type DataSize = (typeof DATA_SIZES)[number];

// Within float32, as packets carry them, with their difference.
const bound = z.number().check(z.minimum(-1e30), z.maximum(1e30));
const displayRange = z.union([
  z.literal('auto'),
  z
    .strictObject({ near: bound, far: bound })
    .check(z.refine((r) => Math.fround(r.near) !== Math.fround(r.far), 'near and far must differ')),
]);

// Written out, not inferred: these types are part of the SDK, whose declarations know nothing of zod.

/** What a session returns; every key may be changed while it runs. */
export interface OutputSettings {
  /** Grayscale depth as a video track on the same peer. */
  track: (typeof OUTPUT_TRACKS)[number];
  /** What that track shows: depth, or the picture that it was made of with it. */
  layout: Layout;
  /** How depth is enlarged, for the track and for packets of the picture's size: interpolated, or along the edges of its picture. */
  upsampling: Upsampling;
  /** Depth is reused while the picture differs by no more than noise from the one that it was made of. */
  still: (typeof STILL_SETTINGS)[number];
  /** Depth values on the data channel; `none` sends each frame's metadata alone. */
  data: DepthFormat;
  /** Size of the maps there: the network's, or that of the picture (at most the server's `output.trackSide`). */
  dataSize: DataSize;
  /** Display range: `auto` follows the scene; fixed values are in the model's unit. */
  range: 'auto' | { near: number; far: number };
  /** A name from `welcome.models`. */
  model: string;
  /** Network size in pixels, one of the model's `sizes`: the long side or, for Video Depth Anything, the short one. */
  size: number;
}

export const outputSettings = z.strictObject({
  track: z.enum(OUTPUT_TRACKS),
  layout: z.enum(LAYOUTS),
  upsampling: z.enum(UPSAMPLINGS),
  still: z.enum(STILL_SETTINGS),
  data: z.enum(DEPTH_FORMATS),
  dataSize: z.enum(DATA_SIZES),
  range: displayRange,
  model: z.string().check(z.maxLength(64)),
  size: z.int().check(z.minimum(16), z.maximum(4096)),
}) satisfies z.ZodMiniType<OutputSettings, OutputSettings>;

/** What a data channel carries. */
export type DataOutput = Pick<OutputSettings, 'data' | 'dataSize'>;

export const outputChange = z.partial(outputSettings);
export type OutputChange = z.infer<typeof outputChange>;

/** A name that is one of these, or one of a newer server's. */
const openName = <const T extends string>(_names: readonly T[]) => z.string() as unknown as z.ZodMiniType<T, T>;

/** Of a key that older servers do not have: there it is not among the keys, by which a client knows what it may ask for. */
const absentBefore = <T>(schema: z.ZodMiniType<T, T>) => z.optional(schema) as unknown as z.ZodMiniType<T, T>;

/** The settings as a server tells them: it may be newer and know more. */
export const presentOutput = z.object({
  track: openName(OUTPUT_TRACKS),
  layout: absentBefore(openName(LAYOUTS)),
  upsampling: absentBefore(openName(UPSAMPLINGS)),
  still: absentBefore(openName(STILL_SETTINGS)),
  data: openName(DEPTH_FORMATS),
  dataSize: absentBefore(openName(DATA_SIZES)),
  range: z.union([z.literal('auto'), z.object({ near: z.number(), far: z.number() })]),
  model: z.string(),
  size: z.number(),
});
