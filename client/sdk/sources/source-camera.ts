import { type CameraSettings, cameraSettings } from '../../../src/protocol/index.ts';
import type { Source } from './source.ts';

/** What may be told (src/protocol/camera.ts): degrees, focal lengths and centres in pixels. */
const [NARROWEST, WIDEST] = [1, 179];
const [SHORTEST, LONGEST] = [1e-3, 1e6];
const FARTHEST = 1e6;
/** Beyond it nothing is left that could be told. */
const MOST_ZOOM = 1e9;

/**
 * What is known of the camera of the moment: what the page told, else what the source knows. No browser tells focal lengths or fields of
 * view of a MediaStreamTrack; of what `getSettings()` has, the size and `zoom` (W3C Image Capture) are of use. Zoom is a ratio on phones and a number
 * of the camera's own for webcams, in proportion to the focal length in both: so only its change since the camera was told counts.
 * Chromium tells it of streams alone that were asked for with `zoom`.
 */
export class SourceCamera {
  #told: CameraSettings | undefined;
  #source: Source | undefined;
  /** The first that is known of the source, for which its own camera holds. */
  #zoomFirst: number | undefined;
  /** When the camera was told, or the first that was known later; undefined before. */
  #zoomThen: number | undefined;
  /** The last that was known. */
  #zoomNow: number | undefined;
  /** By how much the last `settings` were zoomed. */
  #ratioSeen = 1;

  /** @throws RangeError for what is no camera */
  constructor(told: CameraSettings | undefined) {
    this.#told = checked(told);
  }

  /** The page tells its camera anew; undefined for nothing. @throws RangeError for what is no camera */
  tell(camera: CameraSettings | undefined): void {
    this.#told = checked(camera);
    this.#look();
    this.#zoomThen = camera ? this.#zoomNow : this.#zoomFirst;
  }

  /** What was told holds for this source as it is now. */
  adopt(source: Source): void {
    this.#source = source;
    this.#zoomFirst = this.#zoomThen = this.#zoomNow = undefined;
    this.#look();
  }

  /** For the server; a calibration without a size is for the source's pictures, which may be sent smaller. */
  get settings(): CameraSettings | undefined {
    const ratio = this.#look();
    this.#ratioSeen = ratio;
    const camera = this.#sized();
    return camera && ratio !== 1 ? zoomed(camera, ratio) : camera;
  }

  /** Whether it zoomed since `settings` was read. No event tells that. */
  get hasZoomed(): boolean {
    return this.#look() !== this.#ratioSeen && this.#known !== undefined;
  }

  get #known(): CameraSettings | undefined {
    return this.#told ?? this.#source?.camera;
  }

  /** Browsers may tell no zoom before the first pictures, nor while a camera is muted. @returns how far it is zoomed since it was told */
  #look(): number {
    const { zoom } = this.#trackSettings;
    if (typeof zoom === 'number' && zoom > 0 && Number.isFinite(zoom)) this.#zoomNow = zoom;
    this.#zoomFirst ??= this.#zoomNow;
    this.#zoomThen ??= this.#zoomNow;
    return this.#zoomNow === undefined || this.#zoomThen === undefined ? 1 : this.#zoomNow / this.#zoomThen;
  }

  #sized(): CameraSettings | undefined {
    const camera = this.#known;
    if (!camera || !('fx' in camera) || camera.width !== undefined) return camera;
    const { width, height } = this.#trackSettings;
    return width && height ? { ...camera, width, height } : camera;
  }

  get #trackSettings(): MediaTrackSettings & { zoom?: number } {
    return this.#source?.track.getSettings?.() ?? {};
  }
}

/** The same camera with `zoom` (above 0) times the focal length, about the middle of its picture, as far as that may be told. */
export function zoomed(camera: CameraSettings, zoom: number): CameraSettings {
  const ratio = within(zoom, 1 / MOST_ZOOM, MOST_ZOOM);
  if ('hfov' in camera) {
    const half = Math.atan(Math.tan((camera.hfov * Math.PI) / 360) / ratio);
    return { hfov: within((half * 360) / Math.PI, NARROWEST, WIDEST) };
  }
  const { fx, fy, cx, cy, width, height } = camera;
  const about = (centre: number, side: number | undefined) =>
    side === undefined ? centre : within((centre - (side - 1) / 2) * ratio + (side - 1) / 2, -FARTHEST, FARTHEST);
  const focal = (length: number) => within(length * ratio, SHORTEST, LONGEST);
  return { ...camera, fx: focal(fx), fy: focal(fy), cx: about(cx, width), cy: about(cy, height) };
}

const within = (value: number, least: number, most: number): number => Math.min(most, Math.max(least, value));

/** A server would end the session with a message that it cannot read. */
function checked(camera: CameraSettings | undefined): CameraSettings | undefined {
  if (camera !== undefined && !cameraSettings.safeParse(camera).success)
    throw new RangeError(
      `no camera: ${JSON.stringify(camera)}; { hfov } from 1 to 179 degrees, or { fx, fy, cx, cy } in pixels`,
    );
  return camera;
}
