/** What a picture of the load test says about itself. */
export interface FrameCode {
  /** 0..63: whose picture it is. */
  stream: number;
  /** Its number in that stream, modulo 65536. */
  frame: number;
}

export const FRAME_MODULUS = 0x10000;
const STREAM_MODULUS = 64;
/** White, black, then 6 bits of the stream, 16 of the frame and 8 of checksum, highest first. */
const CELLS = 32;
/** Cells are squares of this share of the width, in a row along the lower edge; so any scaling leaves them where they are. */
const CELL_SHARE = 1 / 40;
/** White and black must differ by this much in luma, or there is no code. */
const MIN_CONTRAST = 50;
const WHITE = 235;
const BLACK = 16;

/** Rows at the lower edge that the code covers, for pictures of this width: they are left out of comparisons of depth. */
export function codeRows(width: number): number {
  return Math.max(2, Math.round(width * CELL_SHARE));
}

/** Draws a code into a luma plane (BT.601 limited range), row-major without padding. */
export function drawFrameCode(luma: Uint8Array, width: number, height: number, { stream, frame }: FrameCode): void {
  const value = ((stream % STREAM_MODULUS) << 16) | (frame % FRAME_MODULUS);
  const bits = `10${value.toString(2).padStart(22, '0')}${crc8(value).toString(2).padStart(8, '0')}`;
  const top = height - codeRows(width);
  for (let cell = 0; cell < CELLS; cell++) {
    const from = Math.round(cell * width * CELL_SHARE);
    const to = Math.round((cell + 1) * width * CELL_SHARE);
    const shade = bits[cell] === '1' ? WHITE : BLACK;
    for (let y = top; y < height; y++) luma.fill(shade, y * width + from, y * width + to);
  }
}

/**
 * Reads the code of a picture that has been through an encoder and perhaps a scaler.
 * @param stride bytes from one row of luma to the next
 * @returns undefined where there is none or its checksum does not hold
 */
export function readFrameCode(luma: Uint8Array, stride: number, width: number, height: number): FrameCode | undefined {
  const cell = width * CELL_SHARE;
  const middle = height - cell / 2;
  const shades = Array.from({ length: CELLS }, (_, i) => meanAround(luma, stride, (i + 0.5) * cell, middle, cell / 4));
  const [white, black] = [shades[0]!, shades[1]!];
  if (white - black < MIN_CONTRAST) return undefined;
  const threshold = (white + black) / 2;
  const read = (from: number, count: number) =>
    shades.slice(from, from + count).reduce((value, shade) => 2 * value + (shade > threshold ? 1 : 0), 0);
  const value = read(2, 22);
  if (read(24, 8) !== crc8(value)) return undefined;
  return { stream: value >> 16, frame: value % FRAME_MODULUS };
}

/** Mean luma of a square around a point; its edges, where the encoder rings, are left out. */
function meanAround(luma: Uint8Array, stride: number, x: number, y: number, radius: number): number {
  const [left, right] = [Math.floor(x - radius), Math.max(Math.floor(x - radius), Math.ceil(x + radius) - 1)];
  const [top, bottom] = [Math.floor(y - radius), Math.max(Math.floor(y - radius), Math.ceil(y + radius) - 1)];
  let sum = 0;
  for (let row = top; row <= bottom; row++)
    for (let column = left; column <= right; column++) sum += luma[row * stride + column]!;
  return sum / ((right - left + 1) * (bottom - top + 1));
}

/** CRC-8, polynomial x^8+x^2+x+1, over the three bytes of `value`; begun with ones, so that nothing is not a code. */
function crc8(value: number): number {
  let crc = 0xff;
  for (const byte of [value >> 16, (value >> 8) & 0xff, value & 0xff]) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x80 ? ((crc << 1) ^ 0x07) & 0xff : crc << 1;
  }
  return crc;
}
