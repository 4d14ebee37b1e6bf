import { DepthcastError } from '../errors.ts';
import { type Box, type BoxReader, boxesIn } from './iso-boxes.ts';

/** Tiles of one picture; phones make about fifty, 48 megapixels about two hundred. */
const MAX_TILES = 1024;

/** A picture that is stored as tiles of one size, row by row (ISO/IEC 23008-12, 6.6.2.3). */
export interface TileGrid {
  rows: number;
  columns: number;
  /** Of the picture; the tiles may reach beyond it. */
  width: number;
  height: number;
  /** Item numbers of the tiles, as FFmpeg numbers its streams. */
  tiles: number[];
  /** FFmpeg's filters that bring it into the shape in which it is shown: clean aperture, rotation, mirror (6.5). */
  steps: string[];
}

/**
 * How the primary picture of a HEIF file (HEIC, AVIF) is put together, where it is of tiles.
 * @throws DepthcastError BAD_VIDEO: it is made of others in a way that is not known here, or its boxes are damaged
 */
export async function tileGrid(reader: BoxReader): Promise<TileGrid | undefined> {
  const meta = await reader.find('meta');
  if (meta === undefined) return undefined;
  try {
    const bytes = await reader.read(meta.from, meta.to);
    return await read(reader, bytes);
  } catch (thrown) {
    if (thrown instanceof RangeError) throw bad('its boxes are damaged');
    throw thrown;
  }
}

async function read(reader: BoxReader, meta: Buffer): Promise<TileGrid | undefined> {
  const box = (type: string) => [...boxesIn(meta, 4)].find((found) => found.type === type);
  const primary = primaryOf(meta, box('pitm'));
  const type = typeOf(meta, box('iinf'), primary);
  if (type === 'iovl') throw bad('it is laid together of several pictures (iovl), which is not supported');
  if (type !== 'grid') return undefined;
  const tiles = referencesOf(meta, box('iref'), primary);
  const payload = await payloadOf(reader, meta, box('iloc'), box('idat'), primary);
  const large = (payload[1]! & 1) === 1;
  const [rows, columns] = [payload[2]! + 1, payload[3]! + 1];
  const width = large ? payload.readUInt32BE(4) : payload.readUInt16BE(4);
  const height = large ? payload.readUInt32BE(8) : payload.readUInt16BE(6);
  if (tiles.length !== rows * columns || tiles.length > MAX_TILES || width === 0 || height === 0)
    throw bad(`${tiles.length} tiles for ${columns}x${rows}`);
  return { rows, columns, width, height, tiles, steps: stepsOf(meta, box('iprp'), primary, width, height) };
}

function primaryOf(meta: Buffer, pitm: Box | undefined): number {
  if (pitm === undefined) return -1;
  return meta[pitm.from] === 0 ? meta.readUInt16BE(pitm.from + 4) : meta.readUInt32BE(pitm.from + 4);
}

/** An item's type, from its infe box. */
function typeOf(meta: Buffer, iinf: Box | undefined, item: number): string | undefined {
  if (iinf === undefined) return undefined;
  const from = iinf.from + (meta[iinf.from] === 0 ? 6 : 8);
  for (const { type, from: at } of boxesIn(meta, from, iinf.to)) {
    const version = meta[at]!;
    if (type !== 'infe' || version < 2) continue;
    const id = version === 2 ? meta.readUInt16BE(at + 4) : meta.readUInt32BE(at + 4);
    const name = at + (version === 2 ? 8 : 10);
    if (id === item) return meta.toString('latin1', name, name + 4);
  }
  return undefined;
}

/** The items that an item is derived from, in order. */
function referencesOf(meta: Buffer, iref: Box | undefined, item: number): number[] {
  if (iref === undefined) return [];
  const width = meta[iref.from] === 0 ? 2 : 4;
  for (const { type, from } of boxesIn(meta, iref.from + 4, iref.to)) {
    if (type !== 'dimg' || meta.readUIntBE(from, width) !== item) continue;
    const count = meta.readUInt16BE(from + width);
    return Array.from({ length: count }, (_, n) => meta.readUIntBE(from + width + 2 + n * width, width));
  }
  return [];
}

/** The bytes of an item, as its iloc entry says (ISO/IEC 14496-12, 8.11.3). */
async function payloadOf(
  reader: BoxReader,
  meta: Buffer,
  iloc: Box | undefined,
  idat: Box | undefined,
  item: number,
): Promise<Buffer> {
  if (iloc === undefined) throw bad('its boxes are damaged');
  const version = meta[iloc.from]!;
  let at = iloc.from + 4;
  const number = (bytes: number): number => {
    let value = 0;
    for (let n = 0; n < bytes; n++) value = value * 256 + meta.readUInt8(at++);
    return value;
  };
  const sizes = number(2);
  const [offsetSize, lengthSize, baseSize] = [sizes >> 12, (sizes >> 8) & 15, (sizes >> 4) & 15];
  const indexSize = version > 0 ? sizes & 15 : 0;
  const idSize = version < 2 ? 2 : 4;
  const items = number(idSize);
  for (let n = 0; n < items; n++) {
    const id = number(idSize);
    const method = version > 0 ? number(2) & 15 : 0;
    number(2); // data_reference_index
    const base = number(baseSize);
    const pieces: Buffer[] = [];
    const extents = number(2);
    for (let e = 0; e < extents; e++) {
      number(indexSize);
      const from = base + number(offsetSize);
      const to = from + number(lengthSize);
      if (id !== item) continue;
      if (method === 0) pieces.push(await reader.read(from, to));
      else if (method === 1 && idat !== undefined) pieces.push(meta.subarray(idat.from + from, idat.from + to));
    }
    if (id === item) return Buffer.concat(pieces);
  }
  throw bad('its boxes are damaged');
}

/** The transformations of an item, in the order in which its properties stand. */
function stepsOf(meta: Buffer, iprp: Box | undefined, item: number, width: number, height: number): string[] {
  if (iprp === undefined) return [];
  const inside = [...boxesIn(meta, iprp.from, iprp.to)];
  const ipco = inside.find(({ type }) => type === 'ipco');
  if (ipco === undefined) return [];
  const properties = [...boxesIn(meta, ipco.from, ipco.to)];
  const own = inside.filter(({ type }) => type === 'ipma').flatMap((ipma) => associationsOf(meta, ipma, item));
  const steps: string[] = [];
  let size = { width, height };
  for (const index of own) {
    const property = properties[index - 1];
    if (property === undefined) continue;
    const { type, from } = property;
    if (type === 'clap') {
      const crop = cleanAperture(meta, from, size);
      if (crop === undefined) continue;
      size = { width: crop.width, height: crop.height };
      steps.push(`crop=w=${crop.width}:h=${crop.height}:x=${crop.left}:y=${crop.top}:exact=1`);
    } else if (type === 'irot') {
      const angle = meta[from]! & 3;
      if (angle % 2 === 1) size = { width: size.height, height: size.width };
      steps.push(...[[], ['transpose=cclock'], ['hflip', 'vflip'], ['transpose=clock']][angle]!);
    } else if (type === 'imir') steps.push((meta[from]! & 1) === 0 ? 'vflip' : 'hflip');
  }
  return steps;
}

/** Numbers of an item's properties in ipco, from 1. */
function associationsOf(meta: Buffer, { from }: Box, item: number): number[] {
  const version = meta[from]!;
  const wide = (meta[from + 3]! & 1) === 1;
  const entries = meta.readUInt32BE(from + 4);
  let at = from + 8;
  for (let n = 0; n < entries; n++) {
    const id = version < 1 ? meta.readUInt16BE(at) : meta.readUInt32BE(at);
    at += version < 1 ? 2 : 4;
    const count = meta.readUInt8(at++);
    const indices = Array.from({ length: count }, (_, i) =>
      wide ? meta.readUInt16BE(at + 2 * i) & 0x7fff : meta.readUInt8(at + i) & 0x7f,
    );
    at += count * (wide ? 2 : 1);
    if (id === item) return indices;
  }
  return [];
}

/** A centred part of the picture, moved by an offset (ISO/IEC 14496-12, 12.1.4); undefined where it is not valid. */
function cleanAperture(meta: Buffer, from: number, size: { width: number; height: number }) {
  const fraction = (n: number) => meta.readInt32BE(from + 8 * n) / meta.readInt32BE(from + 8 * n + 4);
  const [width, height] = [Math.round(fraction(0)), Math.round(fraction(1))];
  const left = Math.round((size.width - width) / 2 + fraction(2));
  const top = Math.round((size.height - height) / 2 + fraction(3));
  const fits = left >= 0 && top >= 0 && left + width <= size.width && top + height <= size.height;
  return fits && width > 0 && height > 0 ? { width, height, left, top } : undefined;
}

function bad(detail: string): DepthcastError {
  return new DepthcastError('BAD_VIDEO', { detail });
}
