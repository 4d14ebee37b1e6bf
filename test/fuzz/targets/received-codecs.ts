import fc from 'fast-check';
import { IMPLEMENTATIONS } from '../../../src/video/codecs.ts';
import { FrameAssembler } from '../../../src/webrtc/rtp/assembler.ts';
import { PAYLOAD_FORMATS } from '../../../src/webrtc/rtp/payload-formats.ts';
import { damagedBytes } from '../mutate.ts';
import { defineTarget } from '../target.ts';

/** Of a keyframe and of another frame of each: VP9 with a scalability structure, AV1 with and without sizes, H.265. */
const VALID = {
  VP9: ['aa80070009180140 00f001040182498342 002013f00ef0', 'e480070009 8600406092'],
  AV1: ['08 020a0b 0c0a0b00000024c4ffdf300a 3210', '1830 10 aabbcc', '48 30 00 11', '90 22 33 44'],
  H265: ['6001 0004 40010c01 0006 420101016000 0004 4401c172', '6201 93 8811', '6201 53 22', '0201 d0 09'],
} as const;
const bytes = (list: readonly string[]) => list.map((hex) => Buffer.from(hex.replaceAll(' ', ''), 'hex'));

let assembler: FrameAssembler;
let sequence = 0;

export default defineTarget({
  name: 'received-codecs',
  about:
    'VP9, AV1 and H.265 payloads: descriptors, aggregates, fragments, frames put together from them, and their sizes',
  inputs: () =>
    fc.oneof(
      ...(['VP9', 'AV1', 'H265'] as const).map((codec) =>
        fc.record({
          codec: fc.constant(codec),
          payloads: fc.array(damagedBytes(bytes(VALID[codec])), { minLength: 1, maxLength: 4 }),
          step: fc.integer({ min: -3, max: 4 }),
        }),
      ),
    ),
  open: () => {
    assembler = new FrameAssembler({
      onFrame: ({ codec, data }) => IMPLEMENTATIONS[codec].size(data),
      onGap: () => {},
    });
    sequence = 0;
  },
  read: ({ codec, payloads, step }) => {
    const format = PAYLOAD_FORMATS[codec];
    const some = payloads.filter(({ length }) => length > 0);
    for (const payload of some) {
      format.start(payload);
      format.opensKeyframe(payload);
      format.carriesKeyframe(payload);
    }
    const whole = format.depacketizer([]).assemble(some);
    if (whole) IMPLEMENTATIONS[codec].size(whole.data);
    const given = some.reduce((sum, { length }) => sum + length, 0);
    // Start codes, sizes and an index; never more than a few bytes for each that came.
    if (whole && whole.data.length > 8 * given + 64) throw new Error('more came out than went in');
    for (const payload of payloads) {
      sequence = Math.max(0, sequence + step);
      const [timestamp, marker] = [3000 * Math.floor(sequence / 4), sequence % 4 === 3];
      assembler.insert({ sequence, timestamp, marker, codec, payload, arrivedAt: sequence, captureTime: undefined });
    }
    if (step === 4) assembler.giveUp(sequence - 2);
    return whole !== undefined;
  },
});
