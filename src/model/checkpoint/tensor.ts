import { bad, type CheckpointFile } from './file.ts';

/** Bytes of one element, by type. */
const ELEMENT_BYTES = { f64: 8, f32: 4, f16: 2, bf16: 2, i64: 8, i32: 4, i16: 2, i8: 1, u8: 1, bool: 1 } as const;

export type ElementType = keyof typeof ELEMENT_BYTES;

export interface TensorInfo {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly number[];
}

/** A tensor that has been checked to lie inside its storage, and the storage inside the file. */
export interface TensorPlace extends TensorInfo {
  /** Byte of the file at which element (0, .., 0) stands. */
  readonly position: number;
  /** In elements. */
  readonly strides: readonly number[];
}

/** A run of elements of one type somewhere in the file. */
export interface TensorStorage {
  readonly type: ElementType;
  readonly position: number;
  readonly elements: number;
}

const MAX_RANK = 8;
/** 2 GiB as float32: larger than any tensor of the networks built here by a factor of 100. */
const MAX_ELEMENTS = 2 ** 29;

export const elementBytes = (type: ElementType): number => ELEMENT_BYTES[type];

export const elementCount = (shape: readonly number[]): number => shape.reduce((n, side) => n * side, 1);

export function contiguousStrides(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  for (let axis = shape.length - 1, stride = 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis]!;
  }
  return strides;
}

/** Checks that every element of the view lies inside the storage and that none is repeated out of proportion. */
export function placeTensor(
  name: string,
  storage: TensorStorage,
  offset: number,
  shape: readonly number[],
  strides: readonly number[],
): TensorPlace {
  if (shape.length > MAX_RANK || strides.length !== shape.length) throw bad(`${name} has ${shape.length} dimensions`);
  if (![offset, ...shape, ...strides].every((n) => Number.isSafeInteger(n) && n >= 0))
    throw bad(`${name} has a negative or fractional size, stride or offset`);
  const elements = elementCount(shape);
  if (elements > MAX_ELEMENTS) throw bad(`${name} has ${elements} elements`);
  const last = offset + shape.reduce((sum, side, axis) => sum + (side - 1) * strides[axis]!, 0);
  if (elements > 0 && (last >= storage.elements || elements > storage.elements))
    throw bad(`${name} reaches beyond its storage`);
  const position = storage.position + offset * ELEMENT_BYTES[storage.type];
  return { name, type: storage.type, shape: [...shape], position, strides: [...strides] };
}

/** Reads a floating point tensor as float32, row-major. A contiguous float32 tensor goes from disk into the result. */
export function readFloats(file: CheckpointFile, tensor: TensorPlace): Float32Array {
  const { shape, strides } = tensor;
  const elements = elementCount(shape);
  if (elements === 0) return new Float32Array(0);
  const span = 1 + shape.reduce((sum, side, axis) => sum + (side - 1) * strides[axis]!, 0);
  const flat = readRun(file, tensor, span);
  const contiguous = contiguousStrides(shape);
  if (shape.every((side, axis) => side === 1 || strides[axis] === contiguous[axis])) return flat;
  return gather(flat, shape, strides, elements);
}

/** Bytes converted at a time: a half-precision tensor is never held whole beside its float32 form. */
const CHUNK_BYTES = 2 ** 20;

function readRun(file: CheckpointFile, { name, type, position }: TensorPlace, elements: number): Float32Array {
  const out = new Float32Array(elements);
  if (type === 'f32') {
    file.readInto(position, new Uint8Array(out.buffer));
    return out;
  }
  const convert = type === 'f16' ? fromHalf : type === 'bf16' ? fromBfloat : type === 'f64' ? fromDouble : undefined;
  if (!convert) throw bad(`${name} holds ${type}, not floating point values`);
  const size = ELEMENT_BYTES[type];
  const chunk = new Uint8Array(Math.min(CHUNK_BYTES, elements * size));
  for (let done = 0; done < elements; ) {
    const count = Math.min(chunk.length / size, elements - done);
    file.readInto(position + done * size, chunk.subarray(0, count * size));
    convert(chunk.buffer, out.subarray(done, done + count));
    done += count;
  }
  return out;
}

function fromDouble(buffer: ArrayBuffer, out: Float32Array): void {
  out.set(new Float64Array(buffer, 0, out.length));
}

function fromBfloat(buffer: ArrayBuffer, out: Float32Array): void {
  const values = new Uint16Array(buffer);
  const bits = new Uint32Array(out.buffer, out.byteOffset, out.length);
  for (let i = 0; i < bits.length; i++) bits[i] = values[i]! << 16;
}

function fromHalf(buffer: ArrayBuffer, out: Float32Array): void {
  const values = new Uint16Array(buffer);
  for (let i = 0; i < out.length; i++) out[i] = halfToFloat(values[i]!);
}

/** IEEE 754 binary16 bits as a number. */
export function halfToFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function gather(flat: Float32Array, shape: readonly number[], strides: readonly number[], elements: number) {
  const out = new Float32Array(elements);
  const index = new Array<number>(shape.length).fill(0);
  for (let i = 0, from = 0; i < elements; i++) {
    out[i] = flat[from]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      from -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return out;
}
