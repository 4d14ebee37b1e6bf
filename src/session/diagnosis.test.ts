import { describe, expect, it } from 'vitest';
import type { ReceiverStats } from '../webrtc/peer/receiver-types.ts';
import { diagnose } from './diagnosis.ts';

const QUIET = {
  packets: 0,
  frames: 0,
  strangePackets: 0,
  soundPackets: 0,
  withoutParameterSets: 0,
  discardedFrames: 0,
  waiting: true,
  lastPacketAt: 1000,
} as ReceiverStats;

function why(received: Partial<ReceiverStats>, rejected = 0) {
  const found = diagnose({
    received: { ...QUIET, ...received },
    rejected,
    decoded: 0,
    made: 0,
    decoding: undefined,
    failure: undefined,
    waiting: undefined,
  });
  return found && [found.error.code, found.error.message, found.final];
}

describe('packets that make no depth', () => {
  it('of a payload type that was not agreed on end the session; sound beside the video does not', () => {
    expect(why({ strangePackets: 40, strangePayloadType: 99 })).toEqual([
      'BAD_VIDEO',
      expect.stringContaining('payload type 99'),
      true,
    ]);
    expect(why({ soundPackets: 40 })).toEqual(['BAD_VIDEO', expect.stringContaining('packets of sound'), false]);
  });

  it('that only repeat what never came are named', () => {
    expect(why({})).toEqual(['BAD_VIDEO', expect.stringContaining('nothing but retransmissions'), false]);
  });

  it('of other keys are named', () => {
    const unseen = { lastPacketAt: undefined };
    expect(why(unseen)).toBeUndefined();
    expect(why(unseen, 12)).toEqual(['BAD_VIDEO', expect.stringContaining('none of them authentic'), false]);
  });
});
