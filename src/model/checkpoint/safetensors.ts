import { z } from 'zod';
import { bad, type CheckpointFile } from './file.ts';
import {
  contiguousStrides,
  type ElementType,
  elementBytes,
  elementCount,
  placeTensor,
  type TensorPlace,
} from './tensor.ts';

/** The format's own limit is 100 MB; a header takes about 100 bytes a tensor. */
const MAX_HEADER_BYTES = 32 * 2 ** 20;

const TYPES = new Map<string, ElementType>([
  ['F64', 'f64'],
  ['F32', 'f32'],
  ['F16', 'f16'],
  ['BF16', 'bf16'],
  ['I64', 'i64'],
  ['I32', 'i32'],
  ['I16', 'i16'],
  ['I8', 'i8'],
  ['U8', 'u8'],
  ['BOOL', 'bool'],
]);

const entry = z.object({
  dtype: z.string(),
  shape: z.array(z.int().min(0)).max(8),
  data_offsets: z.tuple([z.int().min(0), z.int().min(0)]),
});

/** Finds the tensors of a .safetensors file: u64 header length, JSON header, then the values (little-endian). */
export function readSafetensors(file: CheckpointFile): Map<string, TensorPlace> {
  const length = Number(file.read(0, 8).readBigUInt64LE());
  if (length > MAX_HEADER_BYTES) throw bad(`the safetensors header holds ${length} bytes`);
  const start = 8 + length;
  const tensors = new Map<string, TensorPlace>();
  for (const [name, value] of Object.entries(parseHeader(file.read(8, length)))) {
    if (name === '__metadata__') continue;
    const parsed = entry.safeParse(value);
    if (!parsed.success) throw bad(`the safetensors header describes ${name} wrongly`);
    const { dtype, shape, data_offsets } = parsed.data;
    const type = TYPES.get(dtype);
    if (!type) throw bad(`${name} holds ${dtype}, which is not supported`);
    const [begin, end] = data_offsets;
    const elements = elementCount(shape);
    if (end - begin !== elements * elementBytes(type) || start + end > file.size)
      throw bad(`${name} does not lie inside the file`);
    tensors.set(
      name,
      placeTensor(name, { type, position: start + begin, elements }, 0, shape, contiguousStrides(shape)),
    );
  }
  return tensors;
}

function parseHeader(bytes: Buffer): object {
  let header: unknown;
  try {
    header = JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw bad('the safetensors header is not JSON', error);
  }
  if (typeof header !== 'object' || header === null) throw bad('the safetensors header is no object');
  return header;
}
