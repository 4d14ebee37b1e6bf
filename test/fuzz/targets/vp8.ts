import fc from 'fast-check';
import { FrameAssembler } from '../../../src/webrtc/rtp/assembler.ts';
import { isVp8Keyframe, packetizeVp8, parseVp8Descriptor } from '../../../src/webrtc/rtp/vp8.ts';
import { damagedBytes } from '../mutate.ts';
import { defineTarget } from '../target.ts';
import { VP8_DELTA, VP8_KEYFRAME } from './packets.ts';

function payloads(frame: Buffer): Buffer[] {
  const all: Buffer[] = [];
  packetizeVp8(frame, 77, 120, (size, _last, write) => {
    const payload = Buffer.alloc(size);
    write(payload, 0);
    all.push(payload);
  });
  return all;
}

let assembler: FrameAssembler;
let sequence = 0;

export default defineTarget({
  name: 'vp8',
  about: 'VP8 payloads: descriptors, and frames put together from packets that come, are lost or lie',
  inputs: () =>
    fc.record({
      payload: damagedBytes([...payloads(VP8_KEYFRAME), ...payloads(VP8_DELTA)]),
      step: fc.integer({ min: -40, max: 40 }),
      marker: fc.boolean(),
      timestamp: fc.nat(7),
    }),
  open: () => {
    assembler = new FrameAssembler({ onFrame: ({ data }) => isVp8Keyframe(data), onGap: () => {} });
    sequence = 0;
  },
  read: ({ payload, step, marker, timestamp }) => {
    const descriptor = parseVp8Descriptor(payload);
    if (descriptor && descriptor.dataAt >= payload.length) throw new Error('data beyond the payload');
    sequence = Math.max(0, sequence + (step > 8 || step < -8 ? 1 : step));
    assembler.insert({
      sequence,
      timestamp: 3000 * (Math.floor(sequence / 8) + (timestamp === 0 ? 1 : 0)),
      marker,
      codec: 'VP8',
      payload,
      arrivedAt: sequence,
      captureTime: undefined,
    });
    if (step === 40) assembler.giveUp(sequence);
    return descriptor !== undefined;
  },
});
