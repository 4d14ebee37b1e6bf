import * as av from 'node-av';
import { DepthcastError } from '../errors.ts';
import type { TileGrid } from './heif.ts';
import { check } from './native.ts';
import { sourceOptions } from './picture-filter.ts';

const MAKING = 'putting the tiles together';

/**
 * Decodes the tiles of a picture and lays them side by side.
 * @param maxSide largest side that is decoded, in pixels
 * @throws DepthcastError BAD_VIDEO: a tile is missing or damaged. PICTURE_TOO_LARGE
 */
export async function readTiles(format: av.FormatContext, grid: TileGrid, maxSide: number): Promise<av.Frame> {
  const { width, height, columns } = grid;
  if (Math.max(width, height) > maxSide)
    throw new DepthcastError('PICTURE_TOO_LARGE', { detail: `${width}x${height}; at most ${maxSide} a side` });
  const tiles = new Map<number, av.Frame>();
  try {
    await decodeAll(format, grid, tiles);
    const frames = grid.tiles.map((id, n) => {
      const frame = tiles.get(id);
      if (!frame) throw bad(`tile ${n + 1} of ${grid.tiles.length} is missing`);
      return frame;
    });
    const [first] = frames as [av.Frame];
    const odd = frames.find(
      (frame) => frame.width !== first.width || frame.height !== first.height || frame.format !== first.format,
    );
    if (odd) throw bad(`its tiles differ: ${first.width}x${first.height} and ${odd.width}x${odd.height}`);
    if (first.width * columns < width || first.height * grid.rows < height) throw bad('its tiles do not cover it');
    return await lay(frames, grid);
  } finally {
    for (const frame of tiles.values()) frame.free();
  }
}

/** The one packet of each tile's stream. */
async function decodeAll(format: av.FormatContext, grid: TileGrid, tiles: Map<number, av.Frame>): Promise<void> {
  const wanted = new Set(grid.tiles);
  const packet = new av.Packet();
  packet.alloc();
  try {
    while (tiles.size < wanted.size && (await format.readFrame(packet)) >= 0) {
      const stream = format.streams[packet.streamIndex];
      if (stream && wanted.has(stream.id) && !tiles.has(stream.id)) tiles.set(stream.id, await decode(stream, packet));
      packet.unref();
    }
  } finally {
    packet.free();
  }
}

async function decode({ codecpar }: av.Stream, packet: av.Packet): Promise<av.Frame> {
  const codec = av.Codec.findDecoder(codecpar.codecId);
  if (!codec) throw bad('FFmpeg has no decoder for its tiles');
  const context = new av.CodecContext();
  const frame = new av.Frame();
  frame.alloc();
  context.allocContext3(codec);
  try {
    check(context.parametersToContext(codecpar), 'a tile');
    context.threadCount = 1;
    check(await context.open2(codec, null), 'a tile');
    check(await context.sendPacket(packet), 'a tile');
    await context.sendPacket(null);
    check(await context.receiveFrame(frame), 'a tile');
    return frame;
  } catch (thrown) {
    frame.free();
    throw bad(`a tile is damaged (${(thrown as Error).message})`);
  } finally {
    context.freeContext();
  }
}

/** Side by side, row by row, without what reaches beyond the picture. */
async function lay(frames: readonly av.Frame[], { rows, columns, width, height }: TileGrid): Promise<av.Frame> {
  const graph = new av.FilterGraph();
  graph.alloc();
  const result = new av.Frame();
  result.alloc();
  try {
    const make = (name: string, title: string, args?: string) => {
      const filter = graph.createFilter(av.Filter.getByName(name)!, title, args);
      if (!filter) throw new DepthcastError('CODEC_FAILED', { detail: `${MAKING}: ${name}` });
      return filter;
    };
    const sources = frames.map((frame, n) => make('buffer', `tile${n}`, sourceOptions(frame)));
    const crop = make('crop', 'crop', `w=${width}:h=${height}:x=0:y=0:exact=1`);
    const sink = make('buffersink', 'out');
    if (frames.length > 1) {
      const stack = make('xstack', 'stack', `inputs=${frames.length}:grid=${columns}x${rows}`);
      for (const [n, source] of sources.entries()) check(source.link(0, stack, n), MAKING);
      check(stack.link(0, crop, 0), MAKING);
    } else check(sources[0]!.link(0, crop, 0), MAKING);
    check(crop.link(0, sink, 0), MAKING);
    check(await graph.config(), MAKING);
    for (const [n, source] of sources.entries()) {
      const frame = frames[n]!;
      frame.pts = 0n;
      check(await source.buffersrcAddFrame(frame), MAKING);
      check(await source.buffersrcAddFrame(null), MAKING);
    }
    check(await sink.buffersinkGetFrame(result), MAKING);
    const { colorSpace, colorRange, colorPrimaries, colorTrc, chromaLocation } = frames[0]!;
    return Object.assign(result, { colorSpace, colorRange, colorPrimaries, colorTrc, chromaLocation });
  } catch (thrown) {
    result.free();
    throw thrown;
  } finally {
    graph.free();
  }
}

function bad(detail: string): DepthcastError {
  return new DepthcastError('BAD_VIDEO', { detail });
}
