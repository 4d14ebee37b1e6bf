import {
  bye,
  nack,
  parseRtcp,
  pictureLossIndication,
  receiverEstimatedMaximumBitrate,
  receiverReport,
  sourceDescription,
} from '../../../src/webrtc/rtp/rtcp.ts';
import { damagedBytes } from '../mutate.ts';
import { defineTarget } from '../target.ts';

const REPORT = {
  ssrc: 1,
  fractionLost: 3,
  packetsLost: 17,
  highestSequence: 70_000,
  jitter: 90,
  lastSenderReport: 5,
  delaySinceLast: 6,
};
const COMPOUND = Buffer.concat([
  receiverReport(9, [REPORT, { ...REPORT, ssrc: 2 }]),
  sourceDescription(9, 'somebody'),
  receiverEstimatedMaximumBitrate(9, 1, 1_234_567),
]);
const VALID = [
  COMPOUND,
  nack(9, 1, [1, 2, 5, 17, 18, 60_000]),
  pictureLossIndication(9, 1),
  bye(9),
  Buffer.from('81ce00050000000900000000000000011000000000000002', 'hex'),
];

export default defineTarget({
  name: 'rtcp',
  about: 'RTCP compound packets',
  inputs: () => damagedBytes(VALID),
  read: (packet) => {
    const messages = parseRtcp(packet);
    for (const message of messages)
      if (message.kind === 'nack' && message.sequenceNumbers.length > 17 * 1024) throw new Error('a boundless NACK');
    return messages.length > 0;
  },
});
