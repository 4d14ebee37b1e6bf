import type { PointCloud } from './points.ts';

/**
 * A point cloud as binary PLY (Stanford, 1.0): float x, y, z and, where it has colours, uchar red, green, blue. Metres.
 * @param comment one line, for people
 */
export function toPly({ positions, colours, count }: PointCloud, comment?: string): Uint8Array {
  const header = new TextEncoder().encode(
    [
      'ply',
      'format binary_little_endian 1.0',
      ...(comment ? [`comment ${comment.replaceAll(/[^\x20-\x7e]/g, ' ').slice(0, 200)}`] : []),
      `element vertex ${count}`,
      ...['x', 'y', 'z'].map((name) => `property float ${name}`),
      ...(colours ? ['red', 'green', 'blue'].map((name) => `property uchar ${name}`) : []),
      'end_header\n',
    ].join('\n'),
  );
  const stride = colours ? 15 : 12;
  const out = new Uint8Array(header.length + count * stride);
  out.set(header);
  const view = new DataView(out.buffer);
  for (let n = 0, at = header.length; n < count; n++, at += stride) {
    for (let k = 0; k < 3; k++) view.setFloat32(at + 4 * k, positions[3 * n + k]!, true);
    if (colours) out.set(colours.subarray(3 * n, 3 * n + 3), at + 12);
  }
  return out;
}
