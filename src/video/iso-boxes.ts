import { open } from 'node:fs/promises';
import { DepthcastError } from '../errors.ts';

/** Boxes side by side that are looked at; a file of more is not followed further. */
const MAX_BOXES = 10_000;
/** Largest piece that is read at once, in bytes. */
const MAX_BYTES = 16 << 20;

/** A box of the ISO base media file format (ISO/IEC 14496-12, 4.2): where its payload begins and ends, in bytes. */
export interface Box {
  type: string;
  from: number;
  to: number;
}

/** Where bytes come from. */
interface Bytes {
  size: number;
  /** Exactly these, or fewer at the end. */
  read(from: number, to: number): Promise<Buffer>;
  close(): Promise<void>;
}

/** Looks into the boxes of a file, beside FFmpeg, which does not show them. */
export class BoxReader {
  readonly #bytes: Bytes;

  private constructor(bytes: Bytes) {
    this.#bytes = bytes;
  }

  /**
   * @param address as `MediaReader.open` takes it
   * @param seconds that a server may take to answer
   * @returns undefined where it cannot be sought in, as a pipe
   * @throws DepthcastError BAD_VIDEO where it cannot be read
   */
  static async open(address: string, seconds: number): Promise<BoxReader | undefined> {
    try {
      if (address.startsWith('file:')) return new BoxReader(await fileBytes(address.slice(5)));
      if (/^https?:/i.test(address)) return new BoxReader(await servedBytes(address, seconds));
    } catch (thrown) {
      throw new DepthcastError('BAD_VIDEO', {
        detail: `reading its boxes: ${(thrown as Error).message}`,
        cause: thrown,
      });
    }
    return undefined;
  }

  close(): Promise<void> {
    return this.#bytes.close();
  }

  /** @throws DepthcastError BAD_VIDEO where the file ends before */
  async read(from: number, to: number): Promise<Buffer> {
    if (to < from || to - from > MAX_BYTES) throw damaged();
    const bytes = await this.#bytes.read(from, to);
    if (bytes.length < to - from) throw damaged();
    return bytes;
  }

  /** The boxes of a stretch of the file. A last one whose size says "to the end" has the stretch's. */
  async *boxes(from: number, to: number): AsyncGenerator<Box> {
    for (let at = from, n = 0; at + 8 <= to && n < MAX_BOXES; n++) {
      const head = await this.read(at, Math.min(to, at + 16));
      const box = headOf(head, at, to);
      if (box === undefined) return;
      yield box;
      at = box.to;
    }
  }

  /** The whole file's. */
  async *top(): AsyncGenerator<Box> {
    yield* this.boxes(0, this.#bytes.size);
  }

  /** The first box of a kind on each level, as `find('moov', 'mvhd')`. */
  async find(...path: string[]): Promise<Box | undefined> {
    let found: Box | undefined;
    for (const type of path) {
      const boxes = found ? this.boxes(found.from, found.to) : this.top();
      found = undefined;
      for await (const box of boxes)
        if (box.type === type) {
          found = box;
          break;
        }
      if (found === undefined) return undefined;
    }
    return found;
  }
}

/** The boxes within bytes that were read. */
export function* boxesIn(bytes: Buffer, from = 0, to = bytes.length): Generator<Box> {
  for (let at = from, n = 0; at + 8 <= to && n < MAX_BOXES; n++) {
    const box = headOf(bytes.subarray(at, at + 16), at, to);
    if (box === undefined) return;
    yield box;
    at = box.to;
  }
}

async function fileBytes(path: string): Promise<Bytes> {
  const file = await open(path);
  const { size } = await file.stat();
  return {
    size,
    async read(from, to) {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(to - from), 0, to - from, from);
      return buffer.subarray(0, bytesRead);
    },
    close: () => file.close(),
  };
}

/** By range requests (RFC 9110, 14.2). */
async function servedBytes(address: string, seconds: number): Promise<Bytes> {
  const signal = () => AbortSignal.timeout(seconds * 1000);
  const get = async (from: number, to: number) => {
    const response = await fetch(address, { headers: { range: `bytes=${from}-${to - 1}` }, signal: signal() });
    if (response.status === 206) return response;
    await response.body?.cancel();
    throw new Error(`the server answers ${response.status} to a request for a part of it`);
  };
  const first = await get(0, 1);
  await first.arrayBuffer();
  const size = Number(/\/(\d+)$/.exec(first.headers.get('content-range') ?? '')?.[1]);
  if (!Number.isSafeInteger(size)) throw new Error('the server does not say how long it is');
  return {
    size,
    read: async (from, to) => Buffer.from(await (await get(from, to)).arrayBuffer()),
    async close() {},
  };
}

function headOf(head: Buffer, at: number, end: number): Box | undefined {
  const type = head.toString('latin1', 4, 8);
  const small = head.readUInt32BE(0);
  if (small === 1 && head.length < 16) return undefined;
  const length = small === 1 ? Number(head.readBigUInt64BE(8)) : small === 0 ? end - at : small;
  const payload = small === 1 ? 16 : 8;
  if (length < payload || at + length > end) return undefined;
  return { type, from: at + payload, to: at + length };
}

function damaged(): DepthcastError {
  return new DepthcastError('BAD_VIDEO', { detail: 'its boxes are damaged' });
}
