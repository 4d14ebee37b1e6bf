import { describe, expect, it } from 'vitest';
import type { ReceiverStats } from '../webrtc/peer/receiver-types.ts';
import { diagnose } from './diagnosis.ts';

const QUIET = {
  codec: 'H264',
  packets: 0,
  frames: 0,
  strangePackets: 0,
  soundPackets: 0,
  withoutParameterSets: 0,
  discardedFrames: 0,
  unreadableFrames: 0,
  lost: 0,
  plisSent: 2,
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

  it('that are packed otherwise than the codec wants are told apart from those that miss a keyframe', () => {
    const other = { packets: 80, discardedFrames: 60, unreadableFrames: 60 };
    expect(why(other)).toEqual(['BAD_VIDEO', expect.stringMatching(/60 frames .* no H264 .*RFC 6184/), true]);
    // Once there was a picture, it may come back.
    expect(why({ ...other, frames: 3 })).toEqual(['BAD_VIDEO', expect.stringContaining('RFC 6184'), false]);
    expect(why({ ...other, unreadableFrames: 2 })).toEqual([
      'NO_KEYFRAME',
      expect.stringContaining('60 frames that need one'),
      false,
    ]);
  });

  it('of other keys are named', () => {
    const unseen = { lastPacketAt: undefined };
    expect(why(unseen)).toBeUndefined();
    expect(why(unseen, 12)).toEqual(['BAD_VIDEO', expect.stringContaining('none of them authentic'), false]);
  });

  it('because the network works on the first picture are told once that took long, not when the picture was late', () => {
    const busy = (waiting: number, made = 0) => {
      const received = { ...QUIET, packets: 90, frames: 30, waiting: false };
      const found = diagnose({
        ...{ received, rejected: 0, decoded: 1, made, waiting },
        decoding: undefined,
        failure: undefined,
      });
      return found && [found.error.code, found.error.detail, found.final];
    };
    expect(busy(0)).toBeUndefined();
    expect(busy(400)).toBeUndefined();
    expect(busy(2900)).toEqual(['BUSY', 'the network has worked on the first picture for 2 s', false]);
    expect(busy(2900, 1)).toBeUndefined();
  });
});
