import type { Box, BoxReader } from './iso-boxes.ts';

/** Edits that are looked at; a list of more is not a plain one anyway. */
const MAX_EDITS = 8;

interface Edit {
  /** In the movie's time scale. */
  duration: number;
  /** In the track's time scale; -1 shows nothing. */
  mediaTime: number;
  rate: number;
}

/**
 * Whether a track of an MP4 or MOV file is shown as it stands there: its edit list (ISO/IEC 14496-12, 8.6.6) may let it begin
 * later, or at a picture that is not the first, but repeats, leaves out, ends and slows nothing.
 * @param id track_ID, as FFmpeg gives it
 * @param frame seconds of a frame
 */
export async function isShownWhole(reader: BoxReader, id: number, frame: number): Promise<boolean> {
  const movie = await reader.find('moov');
  if (movie === undefined) return false;
  let scale = 0;
  for await (const box of reader.boxes(movie.from, movie.to)) {
    if (box.type === 'mvhd') scale = (await timing(reader, box)).scale;
    if (box.type === 'trak') {
      const track = await trackOf(reader, box);
      if (track.id === id) return track.edits === undefined || isPlain(track.edits, scale, track.media, frame);
    }
  }
  return false;
}

interface Timing {
  scale: number;
  duration: number;
}

interface Track {
  id: number;
  media: Timing;
  edits: Edit[] | undefined;
}

function isPlain(edits: readonly Edit[], scale: number, media: Timing, frame: number): boolean {
  if (edits.length === 0) return true;
  const shown = edits.slice(edits.findIndex(({ mediaTime }) => mediaTime !== -1));
  const [edit] = shown;
  if (edit === undefined || shown.length !== 1 || edit.mediaTime < 0 || edit.rate !== 1) return false;
  // Fragmented files say 0: to the end.
  if (edit.duration === 0 || scale === 0 || media.scale === 0) return true;
  return edit.duration / scale + edit.mediaTime / media.scale > media.duration / media.scale - frame / 2;
}

async function trackOf(reader: BoxReader, track: Box): Promise<Track> {
  const result: Track = { id: -1, media: { scale: 0, duration: 0 }, edits: undefined };
  for await (const box of reader.boxes(track.from, track.to)) {
    if (box.type === 'tkhd') {
      const bytes = await reader.read(box.from, box.to);
      result.id = bytes.readUInt32BE(bytes[0] === 1 ? 20 : 12);
    }
    if (box.type === 'edts')
      for await (const list of reader.boxes(box.from, box.to))
        if (list.type === 'elst') result.edits = editsOf(await reader.read(list.from, list.to));
    if (box.type === 'mdia')
      for await (const header of reader.boxes(box.from, box.to))
        if (header.type === 'mdhd') result.media = await timing(reader, header);
  }
  return result;
}

/** Time scale and duration of an mvhd or mdhd box (8.2.2, 8.4.2). */
async function timing(reader: BoxReader, { from, to }: Box): Promise<Timing> {
  const bytes = await reader.read(from, to);
  return bytes[0] === 1
    ? { scale: bytes.readUInt32BE(20), duration: Number(bytes.readBigUInt64BE(24)) }
    : { scale: bytes.readUInt32BE(12), duration: bytes.readUInt32BE(16) };
}

function editsOf(bytes: Buffer): Edit[] {
  const long = bytes[0] === 1;
  const length = long ? 20 : 12;
  const count = Math.min(MAX_EDITS, bytes.readUInt32BE(4), Math.floor((bytes.length - 8) / length));
  return Array.from({ length: count }, (_, n) => {
    const at = 8 + n * length;
    return {
      duration: long ? Number(bytes.readBigUInt64BE(at)) : bytes.readUInt32BE(at),
      mediaTime: long ? Number(bytes.readBigInt64BE(at + 8)) : bytes.readInt32BE(at + 4),
      rate: bytes.readInt32BE(at + length - 4) / 65536,
    };
  });
}
