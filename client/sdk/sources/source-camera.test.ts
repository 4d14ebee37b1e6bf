import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CameraSettings, cameraSettings } from '../../../src/protocol/index.ts';
import type { Source } from './source.ts';
import { SourceCamera, zoomed } from './source-camera.ts';

interface TrackSettings {
  width?: number;
  height?: number;
  zoom?: number | undefined;
}

/** A source whose browser says this of its track. */
const sourceWith = (settings: TrackSettings, camera?: CameraSettings): Source =>
  ({ track: { getSettings: () => settings }, ...(camera ? { camera } : {}) }) as never;

describe('what is known of a camera', () => {
  it('is told as it is where nothing zooms, and nothing where nobody knows', () => {
    const camera = new SourceCamera({ hfov: 70 });
    camera.adopt(sourceWith({ width: 640, height: 480 }));
    expect(camera.settings).toEqual({ hfov: 70 });
    expect(camera.hasZoomed).toBe(false);
    const unknown = new SourceCamera(undefined);
    unknown.adopt(sourceWith({ width: 640, height: 480, zoom: 2 }));
    expect(unknown.settings).toBeUndefined();
  });

  it('follows the zoom by its ratio to that when it was told', () => {
    // A webcam counts in hundreds, a phone from one.
    for (const unit of [100, 1]) {
      const settings = { width: 640, height: 480, zoom: 2 * unit };
      const camera = new SourceCamera({ hfov: 90 });
      camera.adopt(sourceWith(settings));
      expect(camera.settings).toEqual({ hfov: 90 });
      settings.zoom = 4 * unit;
      expect(camera.hasZoomed).toBe(true);
      const { hfov } = camera.settings as { hfov: number };
      expect(Math.tan((hfov * Math.PI) / 360)).toBeCloseTo(0.5, 9);
      expect(camera.hasZoomed).toBe(false);
      // Told anew, it is as it is now.
      camera.tell({ hfov: 50 });
      expect(camera.settings).toEqual({ hfov: 50 });
    }
  });

  it('begins anew with another source', () => {
    const camera = new SourceCamera({ hfov: 60 });
    camera.adopt(sourceWith({ zoom: 1 }));
    camera.adopt(sourceWith({ zoom: 300 }));
    expect(camera.settings).toEqual({ hfov: 60 });
  });

  it('takes the first zoom that is known for that when it was told', () => {
    const settings: TrackSettings = {};
    const camera = new SourceCamera({ hfov: 90 });
    camera.adopt(sourceWith(settings));
    expect(camera.settings).toEqual({ hfov: 90 });
    settings.zoom = 150;
    expect(camera.hasZoomed).toBe(false);
    expect(camera.settings).toEqual({ hfov: 90 });
    settings.zoom = 300;
    expect(camera.hasZoomed).toBe(true);
    expect(camera.settings).toEqual({ hfov: expect.closeTo(2 * 26.565051, 5) });
  });

  it('keeps the last zoom while none is told', () => {
    for (const zoom of [undefined, 0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      const settings: TrackSettings = { zoom: 1 };
      const camera = new SourceCamera({ hfov: 90 });
      camera.adopt(sourceWith(settings));
      settings.zoom = 2;
      const twice = camera.settings;
      settings.zoom = zoom;
      expect(camera.hasZoomed).toBe(false);
      expect(camera.settings).toEqual(twice);
      // What is told meanwhile holds for that zoom.
      camera.tell({ hfov: 50 });
      expect(camera.settings).toEqual({ hfov: 50 });
      settings.zoom = 2;
      expect(camera.hasZoomed).toBe(false);
      settings.zoom = 1;
      expect(camera.hasZoomed).toBe(true);
    }
  });

  it("follows the zoom with a source's own camera, too, and with none does nothing", () => {
    for (const own of [{ hfov: 90 }, undefined]) {
      const settings: TrackSettings = { zoom: 1 };
      const camera = new SourceCamera(undefined);
      camera.adopt(sourceWith(settings, own));
      expect(camera.settings).toEqual(own);
      settings.zoom = 2;
      expect(camera.hasZoomed).toBe(own !== undefined);
      expect(camera.settings).toEqual(own && { hfov: expect.closeTo(2 * 26.565051, 5) });
      expect(camera.hasZoomed).toBe(false);
      // Of another camera that is told for a while, the source's own knows nothing.
      const twice = camera.settings;
      camera.tell({ hfov: 40 });
      expect(camera.settings).toEqual({ hfov: 40 });
      camera.tell(undefined);
      expect(camera.settings).toEqual(twice);
    }
  });
});

describe('a zoomed camera', () => {
  it('has its centre moved away from the middle of the picture, and keeps its size', () => {
    const camera = { fx: 500, fy: 510, cx: 330, cy: 230, width: 640, height: 480 };
    expect(zoomed(camera, 2)).toEqual({ ...camera, fx: 1000, fy: 1020, cx: 340.5, cy: 220.5 });
  });

  it('stays within the degrees that may be told', () => {
    expect(zoomed({ hfov: 1 }, 10)).toEqual({ hfov: 1 });
    expect(zoomed({ hfov: 179 }, 0.01)).toEqual({ hfov: 179 });
  });

  it('is one that the server reads, whatever the camera and the zoom are', () => {
    const focal = fc.double({ min: 1e-3, max: 1e6, noNaN: true });
    const centre = fc.double({ min: -1e6, max: 1e6, noNaN: true });
    const pixels = { fx: focal, fy: focal, cx: centre, cy: centre };
    const side = fc.integer({ min: 1, max: 65535 });
    const camera = fc.oneof(
      fc.record(pixels),
      fc.record({ ...pixels, width: side, height: side }),
      fc.record({ hfov: fc.double({ min: 1, max: 179, noNaN: true }) }),
    );
    const ratio = fc.double({ min: 0, minExcluded: true, noNaN: true });
    fc.assert(
      fc.property(camera, fc.oneof(ratio, fc.constantFrom(0, 1e-300, Number.POSITIVE_INFINITY)), (told, zoom) => {
        expect(cameraSettings.safeParse(told).success).toBe(true);
        expect(cameraSettings.safeParse(zoomed(told, zoom)).success).toBe(true);
      }),
    );
  });
});
