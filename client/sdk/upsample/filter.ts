import type { Upsampling } from '../../../src/protocol/output.ts';

/** Pixels. */
export interface Size {
  width: number;
  height: number;
}

/** Shares of the display range that depth may differ by within a window and still counts as even, by what goes by colour. */
const EVEN = { fast: 0.02, best: 0.005 };

/** The same of a frame, in the unit of its values. */
export function evenOf(upsampling: Upsampling, { near, far }: { near: number; far: number }): number {
  return upsampling === 'off' ? 0 : Math.max(1e-9, EVEN[upsampling] * Math.abs(near - far));
}

/** Textures by name: `picture` and `depth` have the picture's size, all others the map's. */
export type Texture =
  | 'picture'
  | 'map'
  | 'guide'
  | 'once'
  | 'sides'
  | 'a'
  | 'b'
  | 'c'
  | 'd'
  | 'steps'
  | 'fit'
  | 'range'
  | 'across'
  | 'explained'
  | 'factors'
  | 'bounds'
  | 'depth';

/** Of shaders.ts, and of wgsl.ts. */
export type ShaderName =
  | 'INTERPOLATE'
  | 'SHRINK'
  | 'STEPS'
  | 'SIDES'
  | 'VOTE'
  | 'SUMS'
  | 'FIT'
  | 'MEANS'
  | 'TABLE'
  | 'STEP_TABLE'
  | 'APPLY';

/** One shader's run over one size: its variables and the textures that they are. */
export interface Pass {
  readonly shader: ShaderName;
  readonly reads: Readonly<Record<string, Texture>>;
  readonly writes: Readonly<Record<string, Texture>>;
}

const same = (...names: Texture[]): Record<string, Texture> => Object.fromEntries(names.map((name) => [name, name]));

const STEPS: Pass = { shader: 'STEPS', reads: same('guide'), writes: same('steps') };

/** Steps of depth made steep: what there is around, which side each texel is on, and the votes. */
const deciding = (from: Texture, to: Texture): Pass[] => [
  { ...STEPS, reads: { guide: from } },
  { shader: 'SIDES', reads: { guide: from, steps: 'steps' }, writes: same('sides') },
  { shader: 'VOTE', reads: { guide: from, sides: 'sides' }, writes: { voted: to } },
];

const guided = (best: boolean): Pass[] => [
  { shader: 'SHRINK', reads: same('picture', 'map'), writes: same('guide') },
  // Twice, as the server does.
  ...(best ? [...deciding('guide', 'once'), ...deciding('once', 'guide')] : []),
  { shader: 'SUMS', reads: same('guide'), writes: same('a', 'b', 'c', 'd') },
  STEPS,
  { shader: 'FIT', reads: same('a', 'b', 'c', 'd', 'steps'), writes: same('fit', 'range') },
  { shader: 'MEANS', reads: same('fit', 'range'), writes: same('across', 'explained') },
  {
    shader: best ? 'STEP_TABLE' : 'TABLE',
    reads: same('across', 'explained', 'range', 'guide'),
    writes: same('factors', 'bounds'),
  },
  { shader: 'APPLY', reads: same('picture', 'factors', 'bounds'), writes: same('depth') },
];

/** What runs for a frame, in this order. */
export const PASSES: Readonly<Record<Upsampling, readonly Pass[]>> = {
  off: [{ shader: 'INTERPOLATE', reads: same('map'), writes: same('depth') }],
  fast: guided(false),
  best: guided(true),
};

/** Reads of a pixel of the map or, where its pass has the picture's size, of the picture; beside those of SHRINK and of votes. */
const READS = { STEPS: 35, SIDES: 11, VOTE: 2, SUMS: 7, FIT: 35, MEANS: 14, TABLE: 16, STEP_TABLE: 16 };
const PICTURE_READS = { INTERPOLATE: 4, APPLY: 9 };
/** Neighbours that vote, 9x9, by two textures. */
const VOTES = 2 * 81;

/**
 * Texture reads of one frame: what the filter costs on a graphics card, where time cannot be measured well.
 * @param steps share of the map's pixels that have a step of depth within three pixels, where `best` lets the neighbours vote
 */
export function textureReads(map: Size, picture: Size, upsampling: Upsampling, steps = 1): number {
  const area = Math.ceil(picture.width / map.width + 1) * Math.ceil(picture.height / map.height + 1);
  const pixels = { map: map.width * map.height, picture: picture.width * picture.height };
  let sum = 0;
  for (const { shader } of PASSES[upsampling])
    if (shader === 'SHRINK') sum += (area + 1) * pixels.map;
    else if (shader === 'INTERPOLATE' || shader === 'APPLY') sum += PICTURE_READS[shader] * pixels.picture;
    else sum += (READS[shader] + (shader === 'VOTE' ? VOTES * steps : 0)) * pixels.map;
  return sum;
}
