/**
 * Depth frames in the shape of the WebXR Depth Sensing Module (W3C), so that code written for `XRCPUDepthInformation`
 * runs on them: `getDepthInMeters`, `rawValueToMeters`, `normDepthBufferFromNormView`, `data`.
 */
import type { DepthFrame } from '../../src/protocol/index.ts';
import { type MetresScale, toMetres } from '../sdk/metres.ts';

/** What of the picture a view shows, in 0..1 of the picture; `mirrored` as a selfie is. */
export interface ViewRegion {
  x: number;
  y: number;
  width: number;
  height: number;
  mirrored?: boolean;
}

export interface DepthInformationOptions {
  /** How relative disparity becomes metres; needed unless the frame holds metres. */
  scale?: MetresScale;
  /** What the view shows of the picture; default: all of it. See `coverRegion`. */
  view?: ViewRegion;
}

/** The matrix of WebXR's XRRigidTransform, column-major. */
export interface NormTransform {
  readonly matrix: Float32Array;
}

const WHOLE: ViewRegion = { x: 0, y: 0, width: 1, height: 1 };

/** WebXR's XRCPUDepthInformation (Depth Sensing Module, section 5.2), with float32 data. */
export class DepthInformation {
  /** Columns and rows of `data`. */
  readonly width: number;
  readonly height: number;
  /** Metres of a raw value of 1. */
  readonly rawValueToMeters = 1;
  /** Takes normalised view coordinates (origin at the top left) to normalised coordinates of the depth buffer. */
  readonly normDepthBufferFromNormView: NormTransform;
  /** Row-major float32 metres along the optical axis; 0 where there is no value. */
  readonly data: ArrayBuffer;
  readonly depthDataFormat = 'float32';
  readonly #metres: Float32Array<ArrayBuffer>;

  /** @throws DepthError NO_METRES for relative depth without a scale */
  constructor(frame: DepthFrame, { scale, view = WHOLE }: DepthInformationOptions = {}) {
    this.width = frame.width;
    this.height = frame.height;
    this.#metres = toMetres(frame, scale);
    this.data = this.#metres.buffer;
    this.normDepthBufferFromNormView = { matrix: matrixOf(view) };
  }

  /**
   * Metres along the optical axis at a place of the view; 0 where there is no value.
   * @param x normalised view coordinate, 0 at the left
   * @param y 0 at the top
   * @throws RangeError outside 0..1, as WebXR does
   */
  getDepthInMeters(x: number, y: number): number {
    if (!(x >= 0 && x <= 1 && y >= 0 && y <= 1)) throw new RangeError(`(${x}, ${y}) is outside the view`);
    const { matrix } = this.normDepthBufferFromNormView;
    // Called for many places a frame: nothing is allocated.
    const column = place(matrix[0]! * x + matrix[4]! * y + matrix[12]!, this.width);
    const row = place(matrix[1]! * x + matrix[5]! * y + matrix[13]!, this.height);
    return this.#metres[row * this.width + column]! * this.rawValueToMeters;
  }
}

const place = (share: number, size: number): number => Math.min(size - 1, Math.max(0, Math.trunc(share * size)));

/** What a view of another aspect ratio shows of a picture that covers it, as with CSS `object-fit: cover`. */
export function coverRegion(pictureAspect: number, viewAspect: number, mirrored = false): ViewRegion {
  const width = Math.min(1, viewAspect / pictureAspect);
  const height = Math.min(1, pictureAspect / viewAspect);
  return { x: (1 - width) / 2, y: (1 - height) / 2, width, height, mirrored };
}

function matrixOf({ x, y, width, height, mirrored = false }: ViewRegion): Float32Array {
  const matrix = new Float32Array(16);
  matrix[0] = mirrored ? -width : width;
  matrix[5] = height;
  matrix[10] = matrix[15] = 1;
  matrix[12] = mirrored ? x + width : x;
  matrix[13] = y;
  return matrix;
}
