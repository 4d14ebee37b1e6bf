import { readdirSync, readFileSync } from 'node:fs';
import type { PeerRole } from '../../../src/webrtc/sdp/agreement.ts';
import { buildAnswer } from '../../../src/webrtc/sdp/answer.ts';
import { negotiate } from '../../../src/webrtc/sdp/negotiation.ts';
import { parseOffer } from '../../../src/webrtc/sdp/sdp.ts';
import { damagedText } from '../mutate.ts';
import { defineTarget } from '../target.ts';

const FOLDER = new URL('../../vectors/sdp/', import.meta.url);
/** Offers of real programs. */
export const OFFERS = readdirSync(FOLDER).map((name) => readFileSync(new URL(name, FOLDER), 'utf8'));
const ROLES: readonly PeerRole[] = ['publish', 'view', 'duplex'];
const LOCAL = {
  sessionId: '1',
  sessionVersion: 0,
  iceUfrag: 'ours',
  icePwd: 'p'.repeat(24),
  candidates: ['candidate:1 1 udp 2130706431 127.0.0.1 4000 typ host'],
  fingerprint: 'AA:'.repeat(31).concat('AA'),
  maxMessageSize: 262_144,
  outgoing: { ssrc: 1, rtxSsrc: 2, cname: 'c', streamId: 's', trackId: 't' },
};

export default defineTarget({
  name: 'sdp',
  about: 'SDP offers: parsed, negotiated in every role, answered',
  inputs: () => damagedText(OFFERS),
  read: (sdp) => {
    const offer = parseOffer(sdp);
    const role = ROLES[sdp.length % ROLES.length]!;
    const answer = buildAnswer(offer, negotiate(offer, role, ['VP8', 'H264']), LOCAL);
    // Nothing of an offer may smuggle a line into the answer.
    if (!answer.split('\r\n').every((line) => line === '' || /^[a-z]=[^\r\n]*$/.test(line)))
      throw new Error('the answer holds a line that is no SDP');
    parseOffer(answer);
  },
});
