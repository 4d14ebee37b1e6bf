import type { DepthFrame, Intrinsics } from '../protocol/index.ts';

/**
 * How axes point. `opengl`: x right, y up, looking along -z, as in WebXR, three.js and glTF. `ros`: x right, y down, looking along +z,
 * the optical frame of ROS (REP 103) and OpenCV. Both are right-handed.
 */
export type Axes = 'opengl' | 'ros';

/** A depth map in metres with its camera. */
export type MetricFrame = Pick<
  DepthFrame,
  'width' | 'height' | 'sourceWidth' | 'sourceHeight' | 'values' | 'unit' | 'intrinsics'
>;

export interface PointOptions {
  /** `opengl` where it is left out. */
  axes?: Axes;
  /** Metres beyond which nothing is taken; 100 where it is left out. */
  far?: number;
  /**
   * A pixel is valid where its neighbours' depth differs by this share of its own at most, 0.1 where it is left out: what lies between
   * an object and its background flies in the air. A plane that is seen at a small angle stays, since its steps go on evenly.
   */
  edge?: number;
  /** Every n-th pixel of every n-th row is taken; 1 where it is left out. */
  stride?: number;
}

/** Points of a depth map, in its order; invalid pixels are left out. */
export interface PointCloud {
  /** [count*3] metres. */
  positions: Float32Array;
  /** [count*3] red, green, blue, 0 to 255, where there was a picture. */
  colours: Uint8Array | undefined;
  /** [count] index of each point's pixel in the depth map. */
  pixels: Uint32Array;
  count: number;
}

/** A picture of any size: [width*height*4] red, green, blue, alpha. */
export interface Rgba {
  data: Uint8Array | Uint8ClampedArray;
  width: number;
  height: number;
}

/**
 * The point that a place of the picture shows.
 * @param x, y pixels of the picture that the intrinsics are for; pixel centres are whole numbers
 * @param metres along the optical axis
 */
export function unproject(
  { fx, fy, cx, cy }: Intrinsics,
  x: number,
  y: number,
  metres: number,
  axes: Axes = 'opengl',
): [x: number, y: number, z: number] {
  const sign = axes === 'opengl' ? -1 : 1;
  return [((x - cx) / fx) * metres, (sign * (y - cy) * metres) / fy, sign * metres];
}

/** The camera for the depth map's own pixels in place of the picture's. */
export function mapIntrinsics({ intrinsics: k, width, height, sourceWidth, sourceHeight }: MetricFrame): Intrinsics {
  const [sx, sy] = [width / sourceWidth, height / sourceHeight];
  return { ...k, fx: k.fx * sx, fy: k.fy * sy, cx: (k.cx + 0.5) * sx - 0.5, cy: (k.cy + 0.5) * sy - 0.5 };
}

/**
 * Which pixels are points of a surface: 1, or 0 where there is no finite value, it lies beyond `far`, or it hangs between two surfaces.
 * @returns [height*width]
 */
export function validity(
  { values, width, height }: MetricFrame,
  { far = 100, edge = 0.1 }: PointOptions = {},
): Uint8Array {
  const valid = new Uint8Array(width * height);
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++, i++) {
      const z = values[i]!;
      if (!(z > 0 && z <= far)) continue;
      const across = x === 0 || x === width - 1 || continues(values[i - 1]!, z, values[i + 1]!, edge);
      const down = y === 0 || y === height - 1 || continues(values[i - width]!, z, values[i + width]!, edge);
      if (across && down) valid[i] = 1;
    }
  return valid;
}

/** Whether three depths in a row are one surface: small steps, or even ones in inverse depth, in which planes are straight. */
function continues(a: number, z: number, b: number, edge: number): boolean {
  if (Math.max(Math.abs(a - z), Math.abs(b - z)) <= edge * z) return true;
  const [before, after] = [1 / z - 1 / a, 1 / b - 1 / z];
  return (
    Math.sign(before) === Math.sign(after) &&
    Math.abs(before - after) <= edge * 0.5 * Math.min(Math.abs(before), Math.abs(after))
  );
}

/**
 * The points of a depth map in metres.
 * @param picture gives them colours: the frame's own picture, of any size
 * @throws RangeError when the frame is not in metres
 */
export function pointCloud(frame: MetricFrame, picture?: Rgba, options: PointOptions = {}): PointCloud {
  if (frame.unit !== 'metres') throw new RangeError('points need metres; this depth is relative: give anchors');
  const { values, width, height } = frame;
  const { stride = 1 } = options;
  const valid = validity(frame, options);
  let count = 0;
  for (let y = 0; y < height; y += stride) for (let i = y * width; i < (y + 1) * width; i += stride) count += valid[i]!;
  const positions = new Float32Array(3 * count);
  const colours = picture && new Uint8Array(3 * count);
  const pixels = new Uint32Array(count);
  const { fx, fy, cx, cy } = mapIntrinsics(frame);
  const sign = options.axes === 'ros' ? 1 : -1;
  for (let y = 0, n = 0; y < height; y += stride)
    for (let x = 0, i = y * width; x < width; x += stride, i += stride) {
      if (!valid[i]) continue;
      const z = values[i]!;
      positions[3 * n] = ((x - cx) / fx) * z;
      positions[3 * n + 1] = (sign * (y - cy) * z) / fy;
      positions[3 * n + 2] = sign * z;
      if (picture && colours) copyColour(picture, (x + 0.5) / width, (y + 0.5) / height, colours, 3 * n);
      pixels[n++] = i;
    }
  return { positions, colours, pixels, count };
}

function copyColour({ data, width, height }: Rgba, u: number, v: number, into: Uint8Array, at: number): void {
  const from = 4 * (Math.min(height - 1, Math.floor(v * height)) * width + Math.min(width - 1, Math.floor(u * width)));
  for (let k = 0; k < 3; k++) into[at + k] = data[from + k]!;
}

/**
 * Unit normals of a depth map's pixels, towards the camera, by central differences of the points.
 * @returns [height*width*3]; 0 0 0 where the pixel or a neighbour is invalid
 */
export function normals(frame: MetricFrame, options: PointOptions = {}): Float32Array {
  const { values, width, height } = frame;
  const valid = validity(frame, options);
  const k = mapIntrinsics(frame);
  const out = new Float32Array(3 * width * height);
  const at = (x: number, y: number) => unproject(k, x, y, values[y * width + x]!, options.axes);
  for (let y = 1; y < height - 1; y++)
    for (let x = 1; x < width - 1; x++) {
      const i = y * width + x;
      if (!(valid[i] && valid[i - 1] && valid[i + 1] && valid[i - width] && valid[i + width])) continue;
      const [l, r, t, b] = [at(x - 1, y), at(x + 1, y), at(x, y - 1), at(x, y + 1)];
      const [ax, ay, az] = [r[0] - l[0], r[1] - l[1], r[2] - l[2]];
      const [bx, by, bz] = [b[0] - t[0], b[1] - t[1], b[2] - t[2]];
      const [nx, ny, nz] = [by * az - bz * ay, bz * ax - bx * az, bx * ay - by * ax];
      const p = at(x, y);
      const length = Math.hypot(nx, ny, nz) * (nx * p[0] + ny * p[1] + nz * p[2] > 0 ? -1 : 1);
      if (length === 0) continue;
      out.set([nx / length, ny / length, nz / length], 3 * i);
    }
  return out;
}

/**
 * Triangles between neighbouring valid pixels of a cloud, counter-clockwise as the camera sees them.
 * @returns [count*3] indices of points
 */
export function triangles(
  { pixels }: PointCloud,
  { values, width, height }: MetricFrame,
  { edge = 0.1 }: PointOptions = {},
): Uint32Array {
  const point = new Int32Array(width * height).fill(-1);
  pixels.forEach((pixel, n) => {
    point[pixel] = n;
  });
  const out: number[] = [];
  const add = (...corners: [number, number, number]) => {
    if (corners.some((pixel) => point[pixel]! < 0)) return;
    const depths = corners.map((pixel) => values[pixel]!);
    const [near, far] = [Math.min(...depths), Math.max(...depths)];
    if (far - near <= 4 * edge * near) out.push(...corners.map((pixel) => point[pixel]!));
  };
  for (let y = 0; y < height - 1; y++)
    for (let x = 0; x < width - 1; x++) {
      const i = y * width + x;
      add(i, i + width, i + 1);
      add(i + 1, i + width, i + width + 1);
    }
  return Uint32Array.from(out);
}

/**
 * The standard deviation of a distance, in metres: of the fit to the anchors alone.
 * @returns 0 where the metres did not come of anchors
 */
export function metresError({ accuracy }: Pick<DepthFrame, 'accuracy'>, metres: number): number {
  if (!accuracy) return 0;
  const q = 1 / metres;
  const [v0, v1, v2] = accuracy.variance;
  return metres * metres * Math.sqrt(Math.max(0, v0 + v1 * q + v2 * q * q));
}
