import { type ColourMapName, colourAt } from '../../src/protocol/colour-map.ts';

const LITTLE_ENDIAN = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

/** 256 opaque pixels from far to near, in the byte order of ImageData seen as Uint32Array. */
export function lookupTable(map: ColourMapName): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, i) => {
    const [r, g, b] = colourAt(map, i / 255).map((c) => Math.round(c * 255)) as [number, number, number];
    return LITTLE_ENDIAN
      ? ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0
      : ((r << 24) | (g << 16) | (b << 8) | 255) >>> 0;
  });
}

/** The three `tableValues` of an SVG feComponentTransfer that colours a gray picture (Filter Effects, section 9.6). */
export function transferTables(map: ColourMapName, steps = 33): [string, string, string] {
  const colours = Array.from({ length: steps }, (_, i) => colourAt(map, i / (steps - 1)));
  const table = (channel: 0 | 1 | 2) => colours.map((c) => c[channel].toFixed(4)).join(' ');
  return [table(0), table(1), table(2)];
}

/** A CSS gradient from far (left) to near. */
export function gradient(map: ColourMapName, steps = 17): string {
  const stops = Array.from({ length: steps }, (_, i) => {
    const [r, g, b] = colourAt(map, i / (steps - 1)).map((c) => Math.round(c * 255));
    return `rgb(${r} ${g} ${b})`;
  });
  return `linear-gradient(90deg, ${stops.join(', ')})`;
}
