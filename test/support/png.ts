import { crc32, deflateSync } from 'node:zlib';

/** A PNG: 16-bit gray of [height*width] values, or 8-bit RGB of [height*width*3]. */
export function png(pixels: Uint16Array | Uint8Array, width: number, height: number): Buffer {
  const gray = pixels instanceof Uint16Array;
  const stride = width * (gray ? 2 : 3);
  const raw = Buffer.alloc(height * (1 + stride));
  for (let y = 0; y < height; y++)
    for (let x = 0; x < (gray ? width : stride); x++) {
      const value = pixels[y * (gray ? width : stride) + x]!;
      if (gray) raw.writeUInt16BE(value, y * (1 + stride) + 1 + 2 * x);
      else raw[y * (1 + stride) + 1 + x] = value;
    }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head[8] = gray ? 16 : 8;
  head[9] = gray ? 0 : 2;
  const chunk = (kind: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(kind, 'latin1'), data]);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(data.length);
    const check = Buffer.alloc(4);
    check.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, check]);
  };
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    chunk('IHDR', head),
    chunk('IDAT', deflateSync(raw)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}
