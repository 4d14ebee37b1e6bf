import fc from 'fast-check';
import { h264Size, hasH264Slice } from '../../../src/video/bitstream.ts';
import { FrameAssembler } from '../../../src/webrtc/rtp/assembler.ts';
import { h264Format, packetizeH264, splitAnnexB } from '../../../src/webrtc/rtp/h264.ts';
import { damagedBytes } from '../mutate.ts';
import { defineTarget } from '../target.ts';
import { H264_DELTA, H264_KEYFRAME } from './packets.ts';

function payloads(unit: Buffer): Buffer[] {
  const all: Buffer[] = [];
  packetizeH264(unit, 150, (size, _last, write) => {
    const payload = Buffer.alloc(size);
    write(payload, 0);
    all.push(payload);
  });
  return all;
}
const STAP_A = Buffer.from('1800040167e01f00030168ce0002658888', 'hex');
const VALID = [...payloads(H264_KEYFRAME), ...payloads(H264_DELTA), STAP_A];

let assembler: FrameAssembler;
let sequence = 0;

export default defineTarget({
  name: 'h264',
  about: 'H.264 payloads: single units, aggregates, fragments, and access units put together from them',
  inputs: () =>
    fc.record({
      payloads: fc.array(damagedBytes(VALID), { minLength: 1, maxLength: 4 }),
      step: fc.integer({ min: -3, max: 4 }),
      parameterSets: fc.array(fc.base64String({ maxLength: 40 }), { maxLength: 2 }),
    }),
  open: () => {
    assembler = new FrameAssembler({
      onFrame: ({ data }) => {
        h264Size(data);
        hasH264Slice(data);
      },
      onGap: () => {},
    });
    sequence = 0;
  },
  read: ({ payloads, step, parameterSets }) => {
    const whole = h264Format.depacketizer(parameterSets).assemble(payloads.filter(({ length }) => length > 0));
    if (whole) for (const unit of splitAnnexB(whole.data)) if (unit.length === 0) throw new Error('an empty unit');
    for (const payload of payloads) {
      if (payload.length > 0) {
        h264Format.start(payload);
        h264Format.opensKeyframe(payload);
        h264Format.carriesKeyframe(payload);
      }
      sequence = Math.max(0, sequence + step);
      assembler.insert({
        sequence,
        timestamp: 3000 * Math.floor(sequence / 4),
        marker: sequence % 4 === 3,
        codec: 'H264',
        payload,
        arrivedAt: sequence,
        captureTime: undefined,
      });
    }
    if (step === 4) assembler.giveUp(sequence - 2);
    return whole !== undefined;
  },
});
