/** Boxes of the ISO base media file format (ISO/IEC 14496-12), whole or changed. */

/** Big-endian unsigned integers, given as width, value, width, value, .. */
export function be(...pairs: number[]): Buffer {
  const parts: Buffer[] = [];
  for (let i = 0; i < pairs.length; i += 2) {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64BE(BigInt.asUintN(64, BigInt(pairs[i + 1]!)));
    parts.push(bytes.subarray(8 - pairs[i]!));
  }
  return Buffer.concat(parts);
}

export function box(type: string, ...payload: Uint8Array[]): Buffer {
  const body = Buffer.concat(payload);
  return Buffer.concat([be(4, 8 + body.length), Buffer.from(type, 'latin1'), body]);
}

export const fullBox = (type: string, version: number, flags: number, ...payload: Uint8Array[]): Buffer =>
  box(type, be(1, version, 3, flags), ...payload);

/** An edit: its duration in the movie's time scale, its start in the media's (-1: nothing is shown), its rate. */
export type Edit = readonly [duration: number, start: number, rate?: number];

/** An MP4 file whose index stands at its end, with another edit list for its first track. */
export function withEdits(file: Buffer, edits: readonly Edit[]): Buffer {
  const entries = edits.map(([duration, start, rate = 1]) => be(4, duration, 4, start, 4, rate * 65536));
  const list = box('edts', fullBox('elst', 0, 0, be(4, edits.length), ...entries));
  const movie = find(file, 'moov', 0, file.length);
  const track = find(file, 'trak', movie.from + 8, movie.to);
  const header = find(file, 'tkhd', track.from + 8, track.to);
  const old = find(file, 'edts', track.from + 8, track.to);
  const start = old.from < 0 ? header.to : old.from;
  const end = old.from < 0 ? header.to : old.to;
  const grown = list.length - (end - start);
  const result = Buffer.concat([file.subarray(0, start), list, file.subarray(end)]);
  for (const { from, to } of [movie, track]) result.writeUInt32BE(to - from + grown, from);
  return result;
}

function find(file: Buffer, type: string, from: number, to: number): { from: number; to: number } {
  for (let at = from; at < to; at += file.readUInt32BE(at))
    if (file.toString('latin1', at + 4, at + 8) === type) return { from: at, to: at + file.readUInt32BE(at) };
  return { from: -1, to: -1 };
}

export interface Grid {
  rows: number;
  columns: number;
  /** Of the picture. */
  width: number;
  height: number;
  /** Of each tile. */
  tile: { width: number; height: number; type: 'hvc1' | 'av01'; configuration: Buffer };
  tiles: readonly Uint8Array[];
  /** Of the whole picture: irot, imir and clap boxes. */
  transforms?: readonly Buffer[];
}

/** A HEIF file of one picture that is made of tiles, as phones write it (ISO/IEC 23008-12). */
export function heifGrid({ rows, columns, width, height, tile, tiles, transforms = [] }: Grid): Buffer {
  const count = tiles.length;
  const ids = tiles.map((_, n) => n + 2);
  const size = (w: number, h: number) => fullBox('ispe', 0, 0, be(4, w, 4, h));
  const config = box(tile.type === 'hvc1' ? 'hvcC' : 'av1C', tile.configuration);
  const properties = box('ipco', config, size(tile.width, tile.height), size(width, height), ...transforms);
  const of = (id: number, ...indices: number[]) => be(2, id, 1, indices.length, ...indices.flatMap((i) => [1, i]));
  const whole = of(1, 3, ...transforms.map((_, n) => 4 + n));
  const associations = fullBox('ipma', 0, 0, be(4, count + 1), whole, ...ids.map((id) => of(id, 0x81, 2)));
  const entry = (id: number, type: string, hidden: number) =>
    fullBox('infe', 2, hidden, be(2, id, 2, 0), Buffer.from(`${type}\0`, 'latin1'));
  const infos = [entry(1, 'grid', 0), ...ids.map((id) => entry(id, tile.type, 1))];
  const payload = be(1, 0, 1, 0, 1, rows - 1, 1, columns - 1, 2, width, 2, height);
  const parts = (offset: number) => {
    let at = offset;
    const items = tiles.map((bytes, n) => {
      at += bytes.length;
      return be(2, ids[n]!, 2, 0, 2, 0, 2, 1, 4, at - bytes.length, 4, bytes.length);
    });
    const grid = be(2, 1, 2, 1, 2, 0, 2, 1, 4, 0, 4, payload.length);
    const locations = fullBox('iloc', 1, 0, be(1, 0x44, 1, 0, 2, count + 1), grid, ...items);
    const references = box('dimg', be(2, 1, 2, count, ...ids.flatMap((id) => [2, id])));
    return fullBox(
      'meta',
      0,
      0,
      fullBox('hdlr', 0, 0, be(4, 0), Buffer.from('pict', 'latin1'), Buffer.alloc(13)),
      fullBox('pitm', 0, 0, be(2, 1)),
      locations,
      fullBox('iinf', 0, 0, be(2, count + 1), ...infos),
      fullBox('iref', 0, 0, references),
      box('iprp', properties, associations),
      box('idat', payload),
    );
  };
  const brand = tile.type === 'hvc1' ? 'heic' : 'avif';
  const kind = box('ftyp', Buffer.from(brand), be(4, 0), Buffer.from(`mif1${brand}`));
  const offset = kind.length + parts(0).length + 8;
  return Buffer.concat([kind, parts(offset), box('mdat', ...tiles)]);
}
