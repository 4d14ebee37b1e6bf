import { describe, expect, it } from 'vitest';
import { type FilmOptions, film } from '../../../test/support/film.ts';
import { packetizers } from '../../../test/support/packetizers.ts';
import { CODEC_NAMES, type VideoCodec } from '../../codecs.ts';
import { IMPLEMENTATIONS } from '../../video/codecs.ts';
import { LiveDecoder } from '../../video/decoder.ts';
import type { EncodedFrame } from '../../video/types.ts';
import { FrameAssembler } from './assembler.ts';

const LIVE: Record<VideoCodec, FilmOptions> = {
  VP8: { encoder: 'libvpx', options: { deadline: 'realtime', 'cpu-used': '8', 'lag-in-frames': '0' } },
  H264: { encoder: 'libx264', options: { tune: 'zerolatency', 'x264-params': 'slices=3' } },
  VP9: { encoder: 'libvpx-vp9', options: { deadline: 'realtime', 'cpu-used': '8', 'lag-in-frames': '0' } },
  AV1: { encoder: 'libsvtav1', options: { preset: '12', 'svtav1-params': 'rc=2:pred-struct=1:lookahead=0:scd=0' } },
  H265: {
    encoder: 'libx265',
    options: { preset: 'ultrafast', tune: 'zerolatency', 'x265-params': 'log-level=none:slices=2:repeat-headers=1' },
  },
};
const SIZE = { width: 320, height: 240 };

const encode = (codec: VideoCodec) => film({ codec, frames: 24, gop: 12, ...SIZE, ...LIVE[codec] });

/** @param lost which packets do not come, by their place in the stream */
function assemble(codec: VideoCodec, frames: readonly EncodedFrame[], lost: (frame: number, n: number) => boolean) {
  const out: EncodedFrame[] = [];
  const assembler = new FrameAssembler({ onFrame: (frame) => out.push(frame), onGap: () => {} });
  let sequence = 65_530;
  for (const [index, frame] of frames.entries()) {
    const payloads = packetizers[codec](frame.data, frame.keyframe, 400);
    for (const [n, payload] of payloads.entries()) {
      const at = sequence++;
      if (lost(index, n)) continue;
      const marker = n === payloads.length - 1;
      const { rtpTimestamp: timestamp } = frame;
      assembler.insert({ sequence: at, timestamp, marker, codec, payload, arrivedAt: at, captureTime: undefined });
    }
  }
  return { frames: out, assembler };
}

describe.each(CODEC_NAMES)('%s', (codec) => {
  it('comes out of packets as it went in, and is decoded without delay', async () => {
    const sent = await encode(codec);
    expect(sent.length).toBe(24);
    const { frames, assembler } = assemble(codec, sent, () => false);
    expect(frames.map(({ rtpTimestamp, keyframe }) => [rtpTimestamp, keyframe])).toEqual(
      sent.map(({ rtpTimestamp, keyframe }) => [rtpTimestamp, keyframe]),
    );
    expect(assembler.discarded).toBe(0);
    const decoder = await LiveDecoder.create(codec);
    for (const frame of frames) {
      const picture = await decoder.decode(frame);
      expect(picture).toMatchObject({ ...SIZE, rtpTimestamp: frame.rtpTimestamp });
      picture!.close();
    }
    expect(decoder.stats).toEqual({ decoded: 24, skipped: 0, failed: 0 });
    decoder.close();
  });

  it('declares its size before it is decoded', async () => {
    const [first, second] = await encode(codec);
    const { width, height } = IMPLEMENTATIONS[codec].size(first!.data)!;
    // H.264 and H.265 count whole blocks.
    expect([width, height].map((side) => side - (side % 80))).toEqual([320, 240]);
    expect(IMPLEMENTATIONS[codec].size(second!.data)).toBeUndefined();
    const decoder = await LiveDecoder.create(codec, { maxWidth: 200, maxHeight: 200 });
    await expect(decoder.decode(first!)).rejects.toMatchObject({ code: 'PICTURE_TOO_LARGE' });
    decoder.close();
  });

  it('continues with a keyframe after the loss of any packet', async () => {
    const sent = await encode(codec);
    const keyframes = sent.flatMap(({ keyframe }, n) => (keyframe ? [n] : []));
    expect(keyframes).toEqual([0, 12]);
    const packets = packetizers[codec](sent[3]!.data, false, 400).length;
    for (let n = 0; n < packets; n++) {
      const { frames } = assemble(codec, sent, (frame, packet) => frame === 3 && packet === n);
      expect(frames.map(({ rtpTimestamp }) => rtpTimestamp / 3000)).toEqual([0, 1, 2, ...range(12, 24)]);
    }
    // Joined in the middle of the first frame.
    const { frames } = assemble(codec, sent, (frame, packet) => frame === 0 && packet === 0);
    expect(frames[0]).toMatchObject({ keyframe: true, rtpTimestamp: 12 * 3000 });
  });
});

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, n) => from + n);
