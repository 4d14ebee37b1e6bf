/** Most that a rotation's columns may be off unit length and right angles: poses are written with few digits. */
const ROTATION_SLACK = 0.01;

/**
 * A camera-to-world matrix of 12 or 16 row-major numbers as column-major 4x4; undefined where it is not one, as the lines of
 * infinities that stand for frames whose pose was not found.
 */
export function poseOf(rows: readonly number[]): Float64Array | undefined {
  const m = rows.length === 12 ? [...rows, 0, 0, 0, 1] : rows;
  if (m.length !== 16 || !m.every(Number.isFinite) || !isRigid(m)) return undefined;
  return Float64Array.from(m, (_, i) => m[(i % 4) * 4 + (i >> 2)]!);
}

function isRigid(m: readonly number[]): boolean {
  const dot = (a: number, b: number) => m[a]! * m[b]! + m[4 + a]! * m[4 + b]! + m[8 + a]! * m[8 + b]!;
  for (let a = 0; a < 3; a++)
    for (let b = a; b < 3; b++) if (Math.abs(dot(a, b) - (a === b ? 1 : 0)) > ROTATION_SLACK) return false;
  return m[12] === 0 && m[13] === 0 && m[14] === 0 && m[15] === 1;
}

/** Camera-to-world of a row-major 3x4 world-to-camera matrix [R|t]. */
export function inversePose(rows: readonly number[]): Float64Array | undefined {
  const r = (row: number, column: number) => rows[4 * row + column]!;
  const moved = (column: number) => -(r(0, column) * r(0, 3) + r(1, column) * r(1, 3) + r(2, column) * r(2, 3));
  return poseOf([0, 1, 2].flatMap((row) => [r(0, row), r(1, row), r(2, row), moved(row)]));
}

/** Camera-to-world of a position and a unit quaternion x, y, z, w. */
export function quaternionPose(
  [tx, ty, tz]: readonly [number, number, number],
  [x, y, z, w]: readonly [number, number, number, number],
): Float64Array | undefined {
  const n = 2 / (x * x + y * y + z * z + w * w);
  return poseOf([
    ...[1 - n * (y * y + z * z), n * (x * y - z * w), n * (x * z + y * w), tx],
    ...[n * (x * y + z * w), 1 - n * (x * x + z * z), n * (y * z - x * w), ty],
    ...[n * (x * z - y * w), n * (y * z + x * w), 1 - n * (x * x + y * y), tz],
  ]);
}
