import { describe, expect, it } from 'vitest';
import type { Source } from './source.ts';
import { SourceCamera, zoomed } from './source-camera.ts';

/** A source whose browser says this of its track. */
const sourceWith = (settings: { width?: number; height?: number; zoom?: number }): Source =>
  ({ track: { getSettings: () => settings } }) as never;

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

  it('ignores a zoom that is none', () => {
    for (const zoom of [0, -1, Number.NaN]) {
      const settings = { zoom: 1 };
      const camera = new SourceCamera({ hfov: 60 });
      camera.adopt(sourceWith(settings));
      settings.zoom = zoom;
      expect(camera.settings).toEqual({ hfov: 60 });
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
});
