import { badPacket } from './layout.ts';

/**
 * Decompresses a raw-deflate stream (RFC 1951) that holds exactly `size` bytes; rejects where it holds more or less,
 * without ever producing much more than `size`.
 */
export type Inflate = (bytes: Uint8Array, size: number) => Promise<Uint8Array>;

/** The platform's own decompressor, in browsers and Node; stops reading as soon as there are more than `size` bytes. */
export const inflateRaw: Inflate = async (bytes, size) => {
  const { readable, writable } = new DecompressionStream('deflate-raw');
  const writer = writable.getWriter();
  // Errors of the input side also end the output side, where they are handled. Messages never lie in shared memory.
  writer.write(bytes as Uint8Array<ArrayBuffer>).catch(() => {});
  writer.close().catch(() => {});
  const reader: ReadableStreamDefaultReader<Uint8Array> = readable.getReader();
  const output = new Uint8Array(size);
  let filled = 0;
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      if (filled + value.length > size) throw badPacket(`the payload unpacks to more than ${size} bytes`);
      output.set(value, filled);
      filled += value.length;
    }
  } catch (error) {
    reader.cancel().catch(() => {});
    throw error;
  }
  if (filled !== size) throw badPacket(`the payload unpacks to ${filled} bytes instead of ${size}`);
  return output;
};
