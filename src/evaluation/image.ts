import { open, readFile } from 'node:fs/promises';
import * as av from 'node-av';
import { DepthcastError } from '../errors.ts';
import { Picture } from '../video/index.ts';
import { check, setOptions } from '../video/native.ts';

/** Largest side of a picture or depth map. */
const MAX_SIDE = 8192;
/** Largest file, in bytes. */
const MAX_BYTES = 1 << 28;
const PNG_SIGNATURE = Buffer.from('89504e470d0a1a0a', 'hex');
const PNG_END = Buffer.from('0000000049454e44ae426082', 'hex');
const JPEG_START = Buffer.from('ffd8ff', 'hex');
const JPEG_END = Buffer.from('ffd9', 'hex');
/** What some writers leave behind the end of a JPEG. */
const JPEG_TAIL = 64;

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

/**
 * What a PNG says of itself (ISO/IEC 15948, sections 5.2 and 11.2.2), without decoding it.
 * @param bytes the whole file, or its first 33 bytes and its last 12
 * @throws DepthcastError BAD_DATASET when it is none, or cut short
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
  const bytes = await readBytes(path);
  const jpeg = bytes.subarray(0, 3).equals(JPEG_START);
  if (jpeg && bytes.lastIndexOf(JPEG_END) < bytes.length - JPEG_TAIL) throw bad(path, 'it is cut short');
  if (!jpeg) pngHead(bytes, path);
  const frame = await decode(jpeg ? 'mjpeg' : 'png', bytes, path);
  return new Picture(frame, { rtpTimestamp: 0 });
}

/**
 * A depth map from a 16-bit gray PNG, of millimetres unless said otherwise.
 * @returns [height*width] metres, 0 where nothing was measured
 * @throws DepthcastError BAD_DATASET when it cannot be read, is damaged, or of another size or kind
 */
export async function readDepth(
  path: string,
  { width, height, from }: ExpectedSize,
  unitsPerMetre = 1000,
): Promise<Float32Array> {
  const bytes = await readBytes(path);
  checkDepthHead(pngHead(bytes, path), path, { width, height, from });
  const frame = await decode('png', bytes, path);
  try {
    if (frame.format !== av.AV_PIX_FMT_GRAY16BE) throw bad(path, 'it is not gray with 16 bits');
    const plane = frame.data![0]!;
    const stride = frame.linesize[0]!;
    const depth = new Float32Array(width * height);
    for (let y = 0, i = 0; y < height; y++)
      for (let x = 0, at = y * stride; x < width; x++, i++, at += 2)
        depth[i] = ((plane[at]! << 8) | plane[at + 1]!) / unitsPerMetre;
    return depth;
  } finally {
    frame.free();
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

async function bothEnds(path: string): Promise<Buffer> {
  try {
    const file = await open(path);
    try {
      const { size } = await file.stat();
      const head = Buffer.alloc(Math.min(size, HEAD_BYTES));
      const tail = Buffer.alloc(Math.min(size, PNG_END.length));
      await file.read(head, 0, head.length, 0);
      await file.read(tail, 0, tail.length, size - tail.length);
      return Buffer.concat([head, tail]);
    } finally {
      await file.close();
    }
  } catch (thrown) {
    const { code, message } = thrown as NodeJS.ErrnoException;
    throw bad(path, code === 'ENOENT' ? 'it is missing' : message);
  }
}

async function readBytes(path: string): Promise<Buffer> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (thrown) {
    throw bad(path, (thrown as NodeJS.ErrnoException).code === 'ENOENT' ? 'it is missing' : (thrown as Error).message);
  }
  if (bytes.length === 0 || bytes.length > MAX_BYTES) throw bad(path, `it has ${bytes.length} bytes`);
  return bytes;
}

export function bad(path: string, why: string): DepthcastError {
  return new DepthcastError('BAD_DATASET', { detail: `${path}: ${why}` });
}

async function decode(codec: 'png' | 'mjpeg', bytes: Buffer, path: string): Promise<av.Frame> {
  const implementation = av.Codec.findDecoderByName(codec as av.FFVideoDecoder);
  if (!implementation) throw new DepthcastError('CODEC_FAILED', { detail: `FFmpeg has no ${codec} decoder` });
  const context = new av.CodecContext();
  const packet = new av.Packet();
  const frame = new av.Frame();
  context.allocContext3(implementation);
  packet.alloc();
  frame.alloc();
  try {
    context.threadCount = 1;
    // No concealment: half a picture is an error.
    setOptions(context, { err_detect: 'crccheck+explode', max_pixels: String(MAX_SIDE * MAX_SIDE) });
    check(await context.open2(implementation, null), `opening the ${codec} decoder`);
    packet.data = bytes;
    check(await context.sendPacket(packet), 'decoding');
    check(context.receiveFrameSync(frame), 'decoding');
    if (frame.decodeErrorFlags !== 0 || frame.hasFlags(av.AV_FRAME_FLAG_CORRUPT)) throw bad(path, 'it is damaged');
    return frame;
  } catch (thrown) {
    frame.free();
    if (thrown instanceof DepthcastError && thrown.code === 'CODEC_FAILED')
      throw bad(path, `it is damaged (${thrown.detail})`);
    throw thrown;
  } finally {
    packet.free();
    context.freeContext();
  }
}
