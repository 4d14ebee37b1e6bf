import { open } from 'node:fs/promises';
import { DepthcastError, toDepthcastError } from '../errors.ts';
import { gray16Of, readImage } from '../video/image-reader.ts';
import type { Picture } from '../video/index.ts';

/** Largest side of a picture or depth map. */
const MAX_SIDE = 8192;
/** Largest file, in bytes. */
const MAX_BYTES = 1 << 28;
const PNG_SIGNATURE = Buffer.from('89504e470d0a1a0a', 'hex');
const PNG_END = Buffer.from('0000000049454e44ae426082', 'hex');
const JPEG_START = Buffer.from('ffd8ff', 'hex');
const JPEG_END = Buffer.from('ffd9', 'hex');

interface PngHead {
  width: number;
  height: number;
  bits: number;
  gray: boolean;
}

/** The size that a depth map must have, and who says so. */
export interface ExpectedSize {
  width: number;
  height: number;
  from?: string | undefined;
}

/** Bytes of a PNG's signature and first chunk. */
const HEAD_BYTES = 33;
/** Some writers leave bytes behind the end of a JPEG. */
const TAIL_BYTES = 64;

/**
 * What a PNG says of itself (ISO/IEC 15948, sections 5.2 and 11.2.2), without decoding it.
 * @param bytes the file's first 33 bytes and its last ones
 * @throws DepthcastError BAD_DATASET when it is not an image, or cut short
 */
function pngHead(bytes: Buffer, path: string): PngHead {
  if (bytes.length < HEAD_BYTES || !bytes.subarray(0, 8).equals(PNG_SIGNATURE)) throw bad(path, 'it is no PNG');
  if (!bytes.subarray(-12).equals(PNG_END)) throw bad(path, 'it is cut short');
  return {
    width: bytes.readUInt32BE(16),
    height: bytes.readUInt32BE(20),
    bits: bytes[24]!,
    gray: bytes[25] === 0,
  };
}

/**
 * A colour picture from a JPEG or PNG. Whoever gets it closes it.
 * @throws DepthcastError BAD_DATASET when it cannot be read or is damaged
 */
export async function readPicture(path: string): Promise<Picture> {
  const ends = await bothEnds(path);
  if (!ends.subarray(0, 3).equals(JPEG_START)) pngHead(ends, path);
  else if (!ends.subarray(HEAD_BYTES).includes(JPEG_END)) throw bad(path, 'it is cut short');
  return decode(path);
}

/**
 * A depth map from a 16-bit gray PNG, of millimetres unless said otherwise.
 * @returns [height*width] metres, 0 where nothing was measured
 * @throws DepthcastError BAD_DATASET when it cannot be read, is damaged, or of another size or kind
 */
export async function readDepth(path: string, size: ExpectedSize, unitsPerMetre = 1000): Promise<Float32Array> {
  await checkDepth(path, size);
  const picture = await decode(path);
  try {
    const codes = await gray16Of(picture);
    if (codes === undefined) throw bad(path, 'it is not gray with 16 bits');
    const depth = new Float32Array(codes.length);
    for (let i = 0; i < codes.length; i++) depth[i] = codes[i]! / unitsPerMetre;
    return depth;
  } finally {
    picture.close();
  }
}

function checkDepthHead(head: PngHead, path: string, { width, height, from = 'the first one' }: ExpectedSize): void {
  checkDepthKind(head, path);
  if (head.width !== width || head.height !== height)
    throw bad(path, `it is ${head.width}x${head.height}, ${from} says ${width}x${height}`);
}

function checkDepthKind(head: PngHead, path: string): void {
  if (head.gray && head.bits === 16) return;
  const kind = head.gray ? `gray with ${head.bits} bits` : 'in colour';
  throw bad(path, `it is ${kind}; depth is 16-bit gray`);
}

/**
 * Looks at both ends of a depth map without decoding it: kind, size, and that it is whole.
 * @throws DepthcastError BAD_DATASET
 */
export async function checkDepth(path: string, size: ExpectedSize): Promise<void> {
  checkDepthHead(pngHead(await bothEnds(path), path), path, size);
}

/**
 * The size of a depth map, without decoding it.
 * @throws DepthcastError BAD_DATASET
 */
export async function depthSize(path: string): Promise<{ width: number; height: number }> {
  const head = pngHead(await bothEnds(path), path);
  checkDepthKind(head, path);
  return { width: head.width, height: head.height };
}

/** The first 33 bytes of a file and its last 64, or fewer of a shorter one. */
async function bothEnds(path: string): Promise<Buffer> {
  try {
    const file = await open(path);
    try {
      const { size } = await file.stat();
      if (size === 0 || size > MAX_BYTES) throw bad(path, `it has ${size} bytes`);
      const head = Buffer.alloc(Math.min(size, HEAD_BYTES));
      const tail = Buffer.alloc(Math.min(size, TAIL_BYTES));
      await file.read(head, 0, head.length, 0);
      await file.read(tail, 0, tail.length, size - tail.length);
      return Buffer.concat([head, tail]);
    } finally {
      await file.close();
    }
  } catch (thrown) {
    if (thrown instanceof DepthcastError) throw thrown;
    const { code, message } = thrown as NodeJS.ErrnoException;
    throw bad(path, code === 'ENOENT' ? 'it is missing' : message);
  }
}

export function bad(path: string, why: string): DepthcastError {
  return new DepthcastError('BAD_DATASET', { detail: `${path}: ${why}` });
}

/** Half a picture is an error. */
async function decode(path: string): Promise<Picture> {
  const { picture, problems } = await readImage(path, { maxSide: MAX_SIDE, strict: true }).catch((thrown: unknown) => {
    throw bad(path, `it is damaged (${toDepthcastError(thrown).message})`);
  });
  if (picture && problems.size === 0) return picture;
  picture?.close();
  throw bad(path, `it is damaged (${[...problems].join('; ') || 'it holds no picture'})`);
}
