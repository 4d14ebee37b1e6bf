import { type Material, material } from './mesh.ts';
import { Random } from './noise.ts';
import { boards, cloth, grit, leaves, plaster, strands, wood } from './surfaces.ts';
import { type Colour, hex, scaleColour } from './texture.ts';

const WHITE: Colour = [1, 1, 1];

/** Materials that many things share; made once a scene, coloured by its seed. */
export interface Kit {
  random: Random;
  floor: Material;
  oak: Material;
  walnut: Material;
  paint(colour: Colour | string): Material;
  fabric(colour: Colour | string): Material;
  shiny(colour: Colour | string, gloss?: number): Material;
  /** Cloth lit from behind. */
  glowing(colour: Colour | string, glow: number): Material;
  /** Leaf cards in one of three greens. */
  foliage(kind: number): Material;
  glass: Material;
  steel: Material;
  dark: Material;
  soil: Material;
  bark: Material;
}

export function makeKit(seed: number): Kit {
  const random = new Random(seed);
  const greens: Material[] = [];
  const even = plaster(seed);
  const smoothTexture = plaster(seed + 1, 0.03);
  const weave = cloth(seed + 2);
  const oak = wood(seed + 3, hex('#d2a56d'), hex('#9a6a3a'));
  const walnut = wood(seed + 4, hex('#7d5434'), hex('#4a2f1d'));
  const colour = (c: Colour | string): Colour => (typeof c === 'string' ? hex(c) : c);
  return {
    random,
    floor: material(boards(seed + 5, hex('#c08f5c'), hex('#8a5d36')), 1.6),
    oak: material(oak, 0.7, WHITE, { grain: true }),
    walnut: material(walnut, 0.7, WHITE, { grain: true }),
    paint: (c) => material(even, 1.2, colour(c)),
    fabric: (c) => material(weave, 0.25, scaleColour(colour(c), 1.1)),
    shiny: (c, gloss = 0.5) => material(smoothTexture, 0.5, colour(c), { gloss }),
    glowing: (c, glow) => material(weave, 0.25, colour(c), { glow }),
    foliage: (kind) => {
      greens[kind] ??= foliage(seed + 11, kind);
      return greens[kind];
    },
    glass: material(smoothTexture, 1, hex('#303a42'), { gloss: 0.6 }),
    steel: material(smoothTexture, 0.4, hex('#9aa0a6'), { gloss: 0.7 }),
    dark: material(smoothTexture, 0.4, hex('#2b2b2e'), { gloss: 0.3 }),
    soil: material(grit(seed + 6), 0.3, hex('#4a3626')),
    bark: material(strands(seed + 7), 0.4, hex('#7a624c')),
  };
}

const GREENS: readonly Colour[] = [
  [0.5, 0.56, 0.4],
  [0.42, 0.5, 0.36],
  [0.58, 0.57, 0.38],
];

function foliage(seed: number, kind: number): Material {
  return material(leaves(seed + kind, 420, 1.5), 1, GREENS[kind % GREENS.length], { masked: true });
}
