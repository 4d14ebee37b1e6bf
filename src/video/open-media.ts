import { stat } from 'node:fs/promises';
import * as av from 'node-av';
import { usableCores } from '../cgroup.ts';
import { DepthcastError } from '../errors.ts';
import type { BoxReader } from './iso-boxes.ts';
import { setOptions } from './native.ts';
import type { PacketTimes } from './packet-times.ts';
import { chooseStream, type StreamChoice } from './stream-choice.ts';

/** Threads of a decoder; more only hold more pictures in memory. */
const MAX_THREADS = 4;
/** Bytes that a frame takes at least: a transport stream's packet, or a header. */
const TS_PACKET = 188;
const MIN_BYTES = 4;

export const FROM_A_PIPE = '; a pipe cannot go back, as most MP4 and HEIC files need: give the file itself';

/** Opens a file once more, beside FFmpeg. */
export type OpenBoxes = () => Promise<BoxReader | undefined>;

/** How a live source is opened and read. */
export interface LiveInput {
  /** FFmpeg's demuxer, where the address does not say it. */
  format?: string;
  /** Of the protocol and the demuxer. */
  options: Record<string, string>;
  times: ConstructorParameters<typeof PacketTimes>[0];
}

/** Opens a source and chooses its pictures. @param timeout seconds, for what comes over a network. @throws DepthcastError BAD_VIDEO */
export async function openFormat(
  format: av.FormatContext,
  address: string,
  timeout: number | undefined,
  boxes: OpenBoxes,
  live?: LiveInput,
): Promise<StreamChoice> {
  // A name is a name: image2 would take the %d in it for a number.
  const options = timeout === undefined ? { pattern_type: 'none' } : protocolOptions(address, timeout);
  // Without it there is nothing to interrupt before the source has answered.
  format.allocContext();
  const demuxer = live?.format === undefined ? null : av.InputFormat.findInputFormat(live.format);
  if (live?.format !== undefined && demuxer === null)
    throw new DepthcastError('BAD_VIDEO', { detail: `opening: FFmpeg has no ${live.format} input on this platform` });
  const opened = await format.openInput(address, demuxer, av.Dictionary.fromObject(live?.options ?? options));
  if (opened === av.AVERROR_PATCHWELCOME && address.startsWith('pipe:'))
    throw new DepthcastError('BAD_VIDEO', { detail: `opening: it cannot be read as it comes${FROM_A_PIPE}` });
  readable(opened, 'opening');
  readable(await format.findStreamInfo(null), 'reading its streams');
  return chooseStream(format, boxes);
}

/** @throws DepthcastError BAD_VIDEO */
export async function openDecoder(
  { codecpar, timeBase }: av.Stream,
  strict: boolean,
  live = false,
): Promise<av.CodecContext> {
  const codec = av.Codec.findDecoder(codecpar.codecId);
  if (!codec) throw new DepthcastError('BAD_VIDEO', { detail: 'FFmpeg has no decoder for its codec' });
  const decoder = new av.CodecContext();
  try {
    decoder.allocContext3(codec);
    readable(decoder.parametersToContext(codecpar), 'reading its parameters');
    decoder.pktTimebase = timeBase;
    decoder.threadCount = Math.min(MAX_THREADS, usableCores());
    // The codec's own cropping to the pixel, and not to where rows of memory begin.
    decoder.setFlags(av.AV_CODEC_FLAG_UNALIGNED);
    // Threads that take a frame each hold as many back.
    if (live) decoder.threadType = av.FF_THREAD_SLICE;
    if (strict) setOptions(decoder, { err_detect: 'crccheck+explode' });
    readable(await decoder.open2(codec, null), 'opening its decoder');
    return decoder;
  } catch (thrown) {
    decoder.freeContext();
    throw thrown;
  }
}

/** Whether it is an image whose decoder fills up what is damaged without a word, unless it is told to be strict. */
export function isCheckable(
  format: av.FormatContext,
  { codecpar: { codecId }, nbFrames, duration }: av.Stream,
): boolean {
  const alone = nbFrames === 1n && duration === av.AV_NOPTS_VALUE;
  if (codecId === av.AV_CODEC_ID_HEVC) return alone;
  return codecId === av.AV_CODEC_ID_MJPEG && /^(image2|jpeg_pipe)/.test(format.iformat?.name ?? '');
}

/** Whether a file is large enough for so many frames; of what is no file, everything is believed. */
export async function isPlausible(address: string, container: string, frames: number): Promise<boolean> {
  const file = address.startsWith('file:') ? await stat(address.slice(5)).catch(() => undefined) : undefined;
  if (!file?.isFile()) return true;
  return frames <= Math.max(1, file.size / (container === 'mpegts' ? TS_PACKET : MIN_BYTES));
}

/** Microseconds, as FFmpeg's protocols take them. RTSP over TCP: a lost UDP packet would damage a whole group. */
function protocolOptions(address: string, timeoutSeconds: number): Record<string, string> {
  const microseconds = String(Math.round(timeoutSeconds * 1e6));
  if (/^rtsps?:/i.test(address)) return { rtsp_transport: 'tcp', timeout: microseconds };
  return { rw_timeout: microseconds };
}

function readable(code: number, what: string): void {
  if (code < 0) throw new DepthcastError('BAD_VIDEO', { detail: `${what}: ${av.FFmpegError.strerror(code)}` });
}
