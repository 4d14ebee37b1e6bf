import { describe, expect, it } from 'vitest';
import { colourAt } from '../../src/protocol/colour-map.ts';
import { gradient, lookupTable, transferTables } from './colour-maps.ts';

describe('colour maps', () => {
  it.each([
    // Rows 0, 128 and 255 of the published tables. Turbo's fit is known to be loose at the ends.
    ['turbo', 0.13, 0, [0.18995, 0.07176, 0.23217]],
    ['turbo', 0.13, 128 / 255, [0.64362, 0.98999, 0.23356]],
    ['turbo', 0.13, 1, [0.4796, 0.01583, 0.01055]],
    ['inferno', 0.02, 0, [0.001462, 0.000466, 0.013866]],
    ['inferno', 0.02, 128 / 255, [0.735683, 0.215906, 0.330245]],
    ['inferno', 0.02, 1, [0.988362, 0.998364, 0.644924]],
  ] as const)('%s is within %f of its published colour at %f', (map, tolerance, at, colour) => {
    const actual = colourAt(map, at);
    colour.forEach((c, i) => {
      expect(Math.abs(actual[i]! - c)).toBeLessThan(tolerance);
    });
  });

  it('inferno and gray grow lighter from far to near', () => {
    for (const map of ['inferno', 'gray'] as const) {
      const luma = Array.from({ length: 256 }, (_, i) => {
        const [r, g, b] = colourAt(map, i / 255);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      });
      for (let i = 8; i < 256; i++) expect(luma[i]!).toBeGreaterThan(luma[i - 8]!);
    }
  });

  it('the table is opaque and in the byte order of ImageData', () => {
    const bytes = new Uint8Array(lookupTable('gray').buffer);
    for (const i of [0, 1, 100, 255]) expect([...bytes.subarray(4 * i, 4 * i + 4)]).toEqual([i, i, i, 255]);
  });

  it('the filter and the gradient follow the map', () => {
    const [red, green, blue] = transferTables('turbo').map((t) => t.split(' ').map(Number)) as [
      number[],
      number[],
      number[],
    ];
    const [r, g, b] = colourAt('turbo', 0.25);
    expect([red[8], green[8], blue[8]]).toEqual([r, g, b].map((c) => Number(c.toFixed(4))));
    expect(red).toHaveLength(33);
    expect(gradient('gray')).toMatch(/^linear-gradient\(90deg, rgb\(0 0 0\), .*rgb\(255 255 255\)\)$/);
  });
});
