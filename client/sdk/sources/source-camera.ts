import { type CameraSettings, cameraSettings } from '../../../src/protocol/index.ts';
import type { Source } from './source.ts';

/** Degrees that may be told (src/protocol/camera.ts). */
const [NARROWEST, WIDEST] = [1, 179];

/**
 * What is known of the camera of the moment: what the page told, else what the source knows. No browser tells focal lengths or fields of
 * view of a MediaStreamTrack; of what `getSettings()` has, the size and `zoom` (W3C Image Capture) are of use. Zoom is a ratio on phones and a number
 * of the camera's own for webcams, in proportion to the focal length in both: so only its change since the camera was told counts.
 */
export class SourceCamera {
  #told: CameraSettings | undefined;
  #source: Source | undefined;
  /** When the camera was told; undefined where the browser does not say. */
  #zoomThen: number | undefined;
  /** That `settings` went by. */
  #zoomSeen: number | undefined;

  /** @throws RangeError for what is no camera */
  constructor(told: CameraSettings | undefined) {
    this.#told = checked(told);
  }

  /** The page tells its camera anew; undefined for nothing. @throws RangeError for what is no camera */
  tell(camera: CameraSettings | undefined): void {
    this.#told = checked(camera);
    this.#zoomThen = this.#zoom;
  }

  /** What was told holds for this source as it is now. */
  adopt(source: Source): void {
    this.#source = source;
    this.#zoomThen = this.#zoom;
  }

  /** For the server; a calibration without a size is for the source's pictures, which may be sent smaller. */
  get settings(): CameraSettings | undefined {
    const zoom = this.#zoom;
    this.#zoomSeen = zoom;
    const camera = this.#sized();
    if (!camera || zoom === undefined || this.#zoomThen === undefined || zoom === this.#zoomThen) return camera;
    return zoomed(camera, zoom / this.#zoomThen);
  }

  /** Whether it zoomed since `settings` was read. No event tells that. */
  get hasZoomed(): boolean {
    return this.#zoom !== this.#zoomSeen && this.#told !== undefined;
  }

  #sized(): CameraSettings | undefined {
    const camera = this.#told ?? this.#source?.camera;
    if (!camera || !('fx' in camera) || camera.width !== undefined) return camera;
    const { width, height } = this.#trackSettings;
    return width && height ? { ...camera, width, height } : camera;
  }

  get #zoom(): number | undefined {
    const { zoom } = this.#trackSettings;
    return typeof zoom === 'number' && zoom > 0 && Number.isFinite(zoom) ? zoom : undefined;
  }

  get #trackSettings(): MediaTrackSettings & { zoom?: number } {
    return this.#source?.track.getSettings?.() ?? {};
  }
}

/** The same camera with `ratio` times the focal length, about the middle of its picture. */
export function zoomed(camera: CameraSettings, ratio: number): CameraSettings {
  if ('hfov' in camera) {
    const half = Math.atan(Math.tan((camera.hfov * Math.PI) / 360) / ratio);
    return { hfov: Math.min(WIDEST, Math.max(NARROWEST, (half * 360) / Math.PI)) };
  }
  const { fx, fy, cx, cy, width, height } = camera;
  const about = (centre: number, side: number | undefined) =>
    side === undefined ? centre : (centre - (side - 1) / 2) * ratio + (side - 1) / 2;
  return { ...camera, fx: fx * ratio, fy: fy * ratio, cx: about(cx, width), cy: about(cy, height) };
}

/** A server would end the session with a message that it cannot read. */
function checked(camera: CameraSettings | undefined): CameraSettings | undefined {
  if (camera !== undefined && !cameraSettings.safeParse(camera).success)
    throw new RangeError(
      `no camera: ${JSON.stringify(camera)}; { hfov } from 1 to 179 degrees, or { fx, fy, cx, cy } in pixels`,
    );
  return camera;
}
