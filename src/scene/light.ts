import type { Vec3 } from './mesh.ts';
import type { Colour } from './texture.ts';

/** Light on moving and curved things, and the air between. */
export interface Lighting {
  /** Unit vector towards the main light, and its colour; 1 shows a texture at face value. */
  sun: Vec3;
  sunColour: Colour;
  /** Ambient light from above and from below. */
  sky: Colour;
  ground: Colour;
  /** Colour that distance fades to, and how fast (1/metre). */
  haze: Colour;
  hazeDensity: number;
}

/** A rectangle that shines (a window): one corner, two edges, colour times strength. It shines along edgeU x edgeV. */
export interface Panel {
  corner: Vec3;
  edgeU: Vec3;
  edgeV: Vec3;
  colour: Colour;
}

/** A small ball that shines (a lamp). `colour` is its light one metre away. */
export interface Bulb {
  position: Vec3;
  size: number;
  colour: Colour;
}

/** The lamps and rules of a bake. */
export interface BakeLights {
  panels?: readonly Panel[];
  bulbs?: readonly Bulb[];
  /** Sunlight comes in through the panels only. */
  indoors: boolean;
  /** Things within this many metres darken each other. */
  reach: number;
  /** Metres between lightmap texels. */
  texel: number;
}
