import type { PointCloud } from './points.ts';

const GLB_MAGIC = 0x46546c67;
const CHUNK_JSON = 0x4e4f534a;
const CHUNK_BIN = 0x004e4942;
/** Of the glTF 2.0 specification, section 3.6 and 3.7. */
const [FLOAT, UNSIGNED_BYTE, UNSIGNED_INT] = [5126, 5121, 5125];
const [ARRAY_BUFFER, ELEMENT_ARRAY_BUFFER] = [34962, 34963];
const [POINTS, TRIANGLES] = [0, 4];

/**
 * Points, or a mesh of them, as a binary glTF 2.0 file. glTF has +y up and metres, so the cloud's axes are to be `opengl`. Colours are
 * sRGB bytes; glTF wants linear ones, and gets them. The material is unlit, since the picture holds the light already.
 * @param indices triangles; points where there are none
 */
export function toGlb({ positions, colours, count }: PointCloud, indices?: Uint32Array): Uint8Array {
  if (count === 0) throw new RangeError('there is no point: glTF knows no empty mesh');
  const views: { byteOffset: number; byteLength: number; target: number; byteStride?: number }[] = [];
  const parts: Uint8Array[] = [];
  let length = 0;
  const add = (bytes: Uint8Array, target: number, byteStride?: number): number => {
    views.push({ byteOffset: length, byteLength: bytes.length, target, ...(byteStride ? { byteStride } : {}) });
    parts.push(bytes);
    length += Math.ceil(bytes.length / 4) * 4;
    return views.length - 1;
  };
  const bytesOf = (array: Float32Array | Uint32Array) =>
    new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  const box = bounds(positions);
  const accessors: object[] = [
    { bufferView: add(bytesOf(positions), ARRAY_BUFFER), componentType: FLOAT, count, type: 'VEC3', ...box },
  ];
  const attributes: Record<string, number> = { POSITION: 0 };
  if (colours) {
    attributes['COLOR_0'] = accessors.length;
    const bufferView = add(linear(colours, count), ARRAY_BUFFER, 4);
    accessors.push({ bufferView, componentType: UNSIGNED_BYTE, normalized: true, count, type: 'VEC4' });
  }
  const meshed = indices !== undefined && indices.length > 0;
  const primitive: Record<string, unknown> = { attributes, mode: meshed ? TRIANGLES : POINTS, material: 0 };
  if (meshed) {
    primitive['indices'] = accessors.length;
    const bufferView = add(bytesOf(indices), ELEMENT_ARRAY_BUFFER);
    accessors.push({ bufferView, componentType: UNSIGNED_INT, count: indices.length, type: 'SCALAR' });
  }
  const json = {
    asset: { version: '2.0', generator: 'depthcast' },
    extensionsUsed: ['KHR_materials_unlit'],
    scene: 0,
    scenes: [{ nodes: [0] }],
    nodes: [{ mesh: 0 }],
    meshes: [{ primitives: [primitive] }],
    materials: [{ doubleSided: true, extensions: { KHR_materials_unlit: {} } }],
    accessors,
    bufferViews: views.map((view) => ({ buffer: 0, ...view })),
    buffers: [{ byteLength: length }],
  };
  return assemble(new TextEncoder().encode(JSON.stringify(json)), parts, length);
}

function assemble(json: Uint8Array, parts: readonly Uint8Array[], binary: number): Uint8Array {
  const text = Math.ceil(json.length / 4) * 4;
  const out = new Uint8Array(12 + 8 + text + 8 + binary);
  const view = new DataView(out.buffer);
  const words = [GLB_MAGIC, 2, out.length, text, CHUNK_JSON];
  for (const [i, word] of words.entries()) view.setUint32(4 * i, word, true);
  out.fill(0x20, 20, 20 + text).set(json, 20);
  view.setUint32(20 + text, binary, true);
  view.setUint32(24 + text, CHUNK_BIN, true);
  let at = 28 + text;
  for (const part of parts) {
    out.set(part, at);
    at += Math.ceil(part.length / 4) * 4;
  }
  return out;
}

function bounds(positions: Float32Array): { min: number[]; max: number[] } {
  const min = [Infinity, Infinity, Infinity];
  const max = [-Infinity, -Infinity, -Infinity];
  for (let i = 0; i < positions.length; i++) {
    min[i % 3] = Math.min(min[i % 3]!, positions[i]!);
    max[i % 3] = Math.max(max[i % 3]!, positions[i]!);
  }
  return { min, max };
}

/** Linear colour and alpha 255 of sRGB bytes (IEC 61966-2-1). */
function linear(colours: Uint8Array, count: number): Uint8Array {
  const table = Uint8Array.from({ length: 256 }, (_, byte) => {
    const c = byte / 255;
    return Math.round(255 * (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  });
  const out = new Uint8Array(4 * count).fill(255);
  for (let n = 0; n < count; n++) for (let k = 0; k < 3; k++) out[4 * n + k] = table[colours[3 * n + k]!]!;
  return out;
}
