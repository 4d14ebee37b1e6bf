import { expect, test } from 'vitest';
import { Camera, cameraSettings, packetVersionOf } from './index.ts';

const near = (value: number) => expect.closeTo(value, 6);

test('nothing known: 65 degrees across the longer side, square pixels, the axis through the middle', () => {
  const camera = new Camera();
  const f = 320 / Math.tan((32.5 * Math.PI) / 180);
  expect(camera.intrinsics(640, 480)).toEqual({ fx: near(f), fy: near(f), cx: 319.5, cy: 239.5, source: 'assumed' });
  expect(camera.intrinsics(480, 640)).toMatchObject({ fx: near(f), fy: near(f), source: 'assumed' });
});

test('a field of view holds for the first picture, and its focal length for others of that camera', () => {
  const camera = new Camera({ hfov: 90 });
  expect(camera.intrinsics(640, 360)).toMatchObject({ fx: near(320), fy: near(320), source: 'derived' });
  expect(camera.intrinsics(320, 180)).toMatchObject({ fx: near(160), cx: near(159.5), source: 'derived' });
  // Turned: what was across is now upright.
  expect(camera.intrinsics(360, 640)).toMatchObject({
    fx: near(320),
    fy: near(320),
    cx: near(179.5),
    source: 'derived',
  });
  // 4:3 of the same sensor, cropped at the sides.
  expect(camera.intrinsics(480, 360)).toMatchObject({ fx: near(320), source: 'derived' });
});

test('a calibration is scaled about pixel edges, and marked as derived where the shape is another', () => {
  const camera = new Camera({ fx: 1000, fy: 1010, cx: 639.5, cy: 300, width: 1280, height: 720 });
  expect(camera.intrinsics(1280, 720)).toEqual({ fx: 1000, fy: 1010, cx: 639.5, cy: 300, source: 'given' });
  expect(camera.intrinsics(640, 360)).toEqual({ fx: 500, fy: 505, cx: 319.5, cy: 149.75, source: 'given' });
  expect(camera.intrinsics(640, 358).source).toBe('given');
  expect(camera.intrinsics(640, 640)).toMatchObject({ cx: 319.5, cy: 319.5, source: 'derived' });
  expect(camera.intrinsics(720, 1280)).toEqual({ fx: 1010, fy: 1000, cx: 359.5, cy: 639.5, source: 'derived' });
  const same = camera.intrinsics(640, 360);
  expect(camera.intrinsics(640, 360)).toBe(same);
});

test.each([
  [{ hfov: 0 }],
  [{ hfov: 180 }],
  [{ fx: 1, fy: 1, cx: 0 }],
  [{ fx: 0, fy: 1, cx: 0, cy: 0 }],
  [{ fx: 1, fy: 1, cx: 0, cy: 0, width: 640 }],
  [{ fx: 1, fy: 1, cx: 0, cy: 0, hfov: 60 }],
  [{}],
  [{ fx: 1e-300, fy: 1, cx: 0, cy: 0 }],
])('%j is no camera', (settings) => {
  expect(cameraSettings.safeParse(settings).success).toBe(false);
});

test('the packets that both sides know', () => {
  expect(['', 'chat', 'depthcast-1', 'depthcast-2', 'depthcast-9', 'depthcast-0'].map(packetVersionOf)).toEqual([
    1, 1, 1, 2, 2, 1,
  ]);
});
