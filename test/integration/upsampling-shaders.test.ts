import type { Browser } from 'playwright-core';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { textureReads } from '../../client/sdk/upsample/filter.ts';
import type { Upsampling } from '../../src/protocol/output.ts';
import { GuidedUpsampler } from '../../src/video/guided-upsampler.ts';
import { findChromium, launchBrowser } from '../e2e/support/browser.ts';
import { needs } from '../support/needs.ts';

// The shaders in a real WebGL2 context and on a real WebGPU device (SwiftShader's) against the server's filter, on a frame with steps, slopes and texture.

const MAP = { width: 96, height: 72 };
const PICTURE = { width: 240, height: 180 };
const RANGE = { near: 1, far: 0 };

/** A box before a slanted, textured wall; the map is blurred, as a network's, and has a pixel without a value. */
function scene(): { values: Float32Array; rgba: Uint8ClampedArray<ArrayBuffer> } {
  let seed = 3;
  const noise = () => {
    seed = (seed * 1664525 + 1013904223) >>> 0;
    return (seed >>> 24) % 24;
  };
  const rgba = new Uint8ClampedArray(4 * PICTURE.width * PICTURE.height);
  const inside = (x: number, y: number) => x > 0.34 && x < 0.73 && y > 0.27 && y < 0.81;
  for (let i = 0; i < PICTURE.width * PICTURE.height; i++) {
    // Chroma of 4:2:0 has pixels of 2x2: so has this picture.
    const [x, y] = [i % PICTURE.width, Math.floor(i / PICTURE.width)].map((n) => n - (n % 2)) as [number, number];
    const box = inside(x / PICTURE.width, y / PICTURE.height);
    const grain = i % 2 === 0 && x === i % PICTURE.width ? noise() : 0;
    rgba.set(box ? [200 - grain, 90, 60, 255] : [60, 120 + grain, 160, 255], 4 * i);
  }
  const values = new Float32Array(MAP.width * MAP.height);
  for (let y = 0; y < MAP.height; y++)
    for (let x = 0; x < MAP.width; x++) {
      let sum = 0;
      for (let dy = -1; dy <= 1; dy++)
        for (let dx = -1; dx <= 1; dx++)
          sum += inside((x + dx + 0.5) / MAP.width, (y + dy + 0.5) / MAP.height) ? 0.8 : 0.2 + (0.1 * x) / MAP.width;
      values[y * MAP.width + x] = sum / 9;
    }
  values[6 * MAP.width + 80] = Number.NaN;
  return { values, rgba };
}

/** Y, U and V (BT.601, limited range) as the shaders have them; chroma at every second pixel. */
function fill(guide: GuidedUpsampler['guide'], rgba: Uint8ClampedArray): void {
  for (let i = 0; i < PICTURE.width * PICTURE.height; i++) {
    const [r, g, b] = [0, 1, 2].map((n) => rgba[4 * i + n]! / 255) as [number, number, number];
    const [x, y] = [i % PICTURE.width, Math.floor(i / PICTURE.width)];
    guide[0][i] = Math.round(16 + 65.481 * r + 128.553 * g + 24.966 * b);
    const chroma = (y >> 1) * ((PICTURE.width + 1) >> 1) + (x >> 1);
    guide[1][chroma] = Math.round(128 - 37.797 * r - 74.203 * g + 112 * b);
    guide[2][chroma] = Math.round(128 + 112 * r - 93.786 * g - 18.214 * b);
  }
}

const { values, rgba } = scene();
const ASKED = { map: MAP, picture: PICTURE, range: RANGE, values: [...values], rgba: [...rgba] };
type Asked = typeof ASKED & { upsampling: Upsampling };

/** The SDK's upsampler in the page, as `upsample`. */
async function bundle(): Promise<string> {
  const built = await build({
    configFile: false,
    logLevel: 'error',
    build: {
      write: false,
      lib: { entry: 'client/sdk/upsample/index.ts', formats: ['iife'], name: 'upsample', fileName: 'upsample' },
    },
  });
  const [{ output }] = built as unknown as [{ output: [{ code: string }] }];
  return output[0].code;
}

function inWebGl2({ map, picture, range, values, rgba, upsampling }: Asked): { result: number[]; error: string } {
  const { WebGl2Upsampler } = (window as never as { upsample: typeof import('../../client/sdk/upsample/index.ts') })
    .upsample;
  const gl = document.createElement('canvas').getContext('webgl2')!;
  const upsampler = new WebGl2Upsampler(gl, map, picture, upsampling);
  const image = new ImageData(Uint8ClampedArray.from(rgba), picture.width, picture.height);
  // Twice: nothing of a frame may stay for the next.
  upsampler.upsample(new Float32Array(values.length).fill(0.5), image, range);
  upsampler.upsample(Float32Array.from(values), image, range);
  const result = Array.from(upsampler.read());
  const error = gl.getError();
  upsampler.close();
  return { result, error: error === 0 ? '' : `${error}` };
}

async function onWebGpu({
  map,
  picture,
  range,
  values,
  rgba,
  upsampling,
}: Asked): Promise<{ result: number[]; error: string }> {
  const { WebGpuUpsampler } = (window as never as { upsample: typeof import('../../client/sdk/upsample/index.ts') })
    .upsample;
  const adapter = await navigator.gpu?.requestAdapter();
  if (!adapter) throw new Error('no WebGPU adapter');
  const device = await adapter.requestDevice();
  device.pushErrorScope('validation');
  const upsampler = new WebGpuUpsampler(device, map, picture, upsampling);
  const image = new ImageData(Uint8ClampedArray.from(rgba), picture.width, picture.height);
  upsampler.upsample(new Float32Array(values.length).fill(0.5), image, range);
  upsampler.upsample(Float32Array.from(values), image, range);
  const result = Array.from(await upsampler.read());
  const error = await device.popErrorScope();
  upsampler.close();
  device.destroy();
  return { result, error: error?.message ?? '' };
}

describe('depth enlarged on a graphics card', needs(findChromium(), 'Chromium'), () => {
  let browser: Browser;
  let code: string;
  beforeAll(async () => {
    code = await bundle();
    const webgpu = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader', '--enable-features=Vulkan'];
    browser = await launchBrowser({ args: ['--use-angle=swiftshader', '--enable-unsafe-swiftshader', ...webgpu] });
  });
  afterAll(() => browser.close());

  it.each([
    ['WebGL2', 'off', inWebGl2],
    ['WebGL2', 'fast', inWebGl2],
    ['WebGL2', 'best', inWebGl2],
    ['WebGPU', 'off', onWebGpu],
    ['WebGPU', 'fast', onWebGpu],
    ['WebGPU', 'best', onWebGpu],
  ] as const)('%s, %s: is what the server makes of it', async (api, upsampling, enlarge) => {
    const page = await browser.newPage();
    // WebGPU is for secure contexts.
    await page.route('https://page.test/', (route) => route.fulfill({ contentType: 'text/html', body: '<p>' }));
    await page.goto('https://page.test/');
    await page.addScriptTag({ content: code });
    const asked = { ...ASKED, upsampling };
    const { result, error } = await page.evaluate<{ result: number[]; error: string }, Asked>(enlarge, asked);
    await page.close();
    expect(error).toBe('');
    const server = new GuidedUpsampler(MAP, PICTURE);
    server.map.set(values);
    fill(server.guide, rgba);
    const expected = server.values(upsampling, { unit: 'disparity', ...RANGE });
    const differences = result.map((value, i) => Math.abs(value - expected[i]!)).sort((a, b) => a - b);
    const at = (q: number) => differences[Math.floor(q * (differences.length - 1))]!;
    console.log(`${api}, ${upsampling}: off by ${[0.5, 0.99, 0.999, 1].map((q) => at(q).toExponential(1)).join(', ')}`);
    if (upsampling === 'off') {
      expect(at(1)).toBeLessThan(1e-5);
      return;
    }
    // Colours are rounded to bytes here and not there, which steep steps magnify. The server's two ways differ by three times as much.
    expect(at(0.5)).toBeLessThan(1e-5);
    expect(at(0.99)).toBeLessThan(1e-3);
    expect(at(0.999)).toBeLessThan(0.03);
    expect(at(1)).toBeLessThan(0.1);
    // And not simply interpolated: the box ends within a pixel, at its colour's edge.
    const row = result.slice(90 * PICTURE.width, 91 * PICTURE.width);
    const jumps = row.slice(1).map((value, i) => value - row[i]!);
    expect(Math.max(...jumps)).toBeGreaterThan(0.3);
  });
});

describe('texture reads', () => {
  const reads = (upsampling: Upsampling, steps?: number) =>
    textureReads({ width: 256, height: 192 }, { width: 640, height: 480 }, upsampling, steps);
  const [small, large] = [256 * 192, 640 * 480];

  it('are four a pixel of the picture without colour, some hundred a pixel of the map and nine of the picture with it', () => {
    expect(reads('off')).toBe(4 * large);
    expect(reads('fast')).toBe(124 * small + 9 * large);
  });

  it('are more by two votes of 9x9 neighbours where depth has a step', () => {
    expect(reads('best', 0)).toBe(220 * small + 9 * large);
    expect(reads('best')).toBe((220 + 4 * 81) * small + 9 * large);
  });
});
