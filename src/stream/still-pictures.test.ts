import { describe, expect, it } from 'vitest';
import { seeded } from '../../test/depth-map.ts';
import { createScene } from '../scene/scene.ts';
import { y4mFrame, y4mFrameSize } from '../scene/y4m.ts';
import { InputScaler, LiveDecoder } from '../video/index.ts';
import { LiveEncoder } from '../video/live-encoder.ts';
import { StillPictures } from './still-pictures.ts';

const [WIDTH, HEIGHT, FPS] = [256, 192, 15];
const PIXELS = WIDTH * HEIGHT;

/** Normal deviates, made once: what a sensor adds. */
const NOISE = (() => {
  const random = seeded(5);
  const noise = new Float32Array(1 << 18);
  for (let i = 0; i < noise.length; i += 2) {
    const radius = Math.sqrt(-2 * Math.log(1 - random()));
    const angle = 2 * Math.PI * random();
    noise[i] = radius * Math.cos(angle);
    noise[i + 1] = radius * Math.sin(angle);
  }
  return noise;
})();

/** Puts pictures before a StillPictures as a camera would. @param sigma of the noise at half brightness, in shades of 255 */
function camera(sigma: number) {
  const still = new StillPictures();
  const random = seeded(9);
  const image = { data: new Float32Array(3 * PIXELS), width: WIDTH, height: HEIGHT };
  let frame = 0;
  const look = (rgba: Uint8ClampedArray): boolean => {
    const from = Math.floor(random() * NOISE.length);
    for (let c = 0; c < 3; c++)
      for (let i = 0; i < PIXELS; i++) {
        const value = rgba[4 * i + c]!;
        const noisy = value + sigma * (0.6 + (0.8 * value) / 255) * NOISE[(from + c * 8191 + i) % NOISE.length]!;
        image.data[c * PIXELS + i] = Math.round(Math.min(255, Math.max(0, noisy))) / 255;
      }
    const time = frame++ / FPS;
    const same = still.isSame(image, time);
    if (!same) still.keep(image, time);
    return same;
  };
  return { still, look };
}

describe('a still camera', () => {
  const { rgba } = createScene('static', { width: WIDTH, height: HEIGHT }).render(0);

  it.each([0, 1, 2.5])('with noise of %d shades costs at most a quarter', (sigma) => {
    const { still, look } = camera(sigma);
    const same = Array.from({ length: 120 }, () => look(rgba));
    expect(same.filter((one) => !one).length).toBeLessThanOrEqual(30);
    // It goes on to be one a second.
    expect(same.slice(-60).filter((one) => !one).length).toBeLessThanOrEqual(5);
    if (sigma > 0) expect(255 * still.noise).toBeGreaterThan(0.6 * sigma);
    expect(255 * still.noise).toBeLessThan(sigma + 0.5);
  });

  it.each([
    [1, 10],
    [2.5, 14],
  ])('with noise of %d shades misses no patch of a hundredth that is %d shades brighter', (sigma, contrast) => {
    const { look } = camera(sigma);
    const side = Math.round(Math.sqrt(PIXELS / 100));
    const picture = rgba.slice();
    const paint = (left: number) => {
      picture.set(rgba);
      for (let y = 90; y < 90 + side; y++)
        for (let x = left; x < left + side; x++)
          for (let c = 0; c < 3; c++) picture[4 * (y * WIDTH + x) + c]! += contrast;
    };
    let seenAt = 40;
    let furthest = 0;
    for (let n = 0; n < 90; n++) {
      // Still while the noise is learned, then a pixel a frame.
      const left = 40 + Math.max(0, n - 40);
      paint(left);
      if (!look(picture)) seenAt = left;
      furthest = Math.max(furthest, left - seenAt);
    }
    expect(furthest).toBeLessThanOrEqual(2);
  });
});

it('a still camera behind a codec, with a keyframe every two seconds, costs at most a quarter', async () => {
  const size = { width: 640, height: 480 };
  const { rgba } = createScene('static', size).render(0);
  const yuv = y4mFrame(rgba, size.width, size.height, new Uint8Array(y4mFrameSize(size.width, size.height))).slice(6);
  const encoder = await LiveEncoder.create({ codec: 'H264', ...size, bitrate: 2e6, fps: FPS });
  const decoder = await LiveDecoder.create('H264');
  const scaler = new InputScaler();
  const image = { data: new Float32Array(3 * PIXELS), width: WIDTH, height: HEIGHT };
  const still = new StillPictures();
  const random = seeded(4);
  let runs = 0;
  for (let n = 0; n < 75; n++) {
    let at = Math.floor(random() * NOISE.length);
    let from = 0;
    const paint = async ({ planes, strides }: { planes: readonly Buffer[]; strides: readonly number[] }) => {
      for (const [p, plane] of planes.entries()) {
        const [width, rows] = p === 0 ? [640, 480] : [320, 240];
        for (let y = 0; y < rows; y++)
          for (let x = 0; x < width; x++, at++)
            plane[y * strides[p]! + x] = yuv[from++]! + Math.round((p === 0 ? 3 : 1.5) * NOISE[at % NOISE.length]!);
      }
    };
    const frame = await encoder.encode(paint, (n * 90_000) / FPS, { keyframe: n % 30 === 0 });
    const picture = (await decoder.decode(frame))!;
    await scaler.scaleInto(picture, image.data, WIDTH, HEIGHT).finally(() => picture.close());
    if (still.isSame(image, n / FPS)) continue;
    still.keep(image, n / FPS);
    runs++;
  }
  for (const one of [encoder, decoder, scaler]) one.close();
  expect(runs).toBeLessThanOrEqual(18);
});

it.each(['person', 'room-static', 'street', 'cuts'])(
  'in the scene %s depth of no more than a hundredth of the picture is out of date',
  (name) => {
    const scene = createScene(name, { width: WIDTH, height: HEIGHT, fps: FPS });
    const { look } = camera(2);
    let target: ReturnType<typeof scene.render> | undefined;
    let seen = new Float32Array(PIXELS);
    let worst = 0;
    for (let n = 0; n < 40; n++) {
      target = scene.renderFrame(n, target);
      if (!look(target.rgba)) seen = target.depth.slice();
      let wrong = 0;
      for (let i = 0; i < PIXELS; i++) if (Math.abs(target.depth[i]! / seen[i]! - 1) > 0.05) wrong++;
      worst = Math.max(worst, wrong / PIXELS);
    }
    expect(worst).toBeLessThanOrEqual(0.01);
  },
);
