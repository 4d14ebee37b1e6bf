import fc from 'fast-check';
import { iceCredentials, readFragment, restartedOffer, restartFragment } from '../../../src/server/trickle.ts';
import { parseCandidate } from '../../../src/webrtc/ice/candidate.ts';
import { parseOffer } from '../../../src/webrtc/sdp/sdp.ts';
import { damagedText } from '../mutate.ts';
import { defineTarget } from '../target.ts';
import { OFFERS } from './sdp.ts';

const FRAGMENTS = [
  'a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag EsAw network-id 1\r\na=end-of-candidates\r\n',
  'a=ice-ufrag:ysXw\r\na=ice-pwd:vw5LmwG4y/e6dPP/zAP9Gp5k\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=candidate:1 1 udp 2130706431 198.51.100.1 39132 typ host\r\n',
];

export default defineTarget({
  name: 'sdp-fragment',
  about: 'trickle and restart fragments of WHIP, and the offers that they make',
  inputs: () => fc.tuple(damagedText(FRAGMENTS), fc.constantFrom(...OFFERS)),
  read: ([body, offer]) => {
    const fragment = readFragment(body);
    for (const { candidate } of fragment.candidates) parseCandidate(candidate);
    if (fragment.ufrag === undefined || fragment.pwd === undefined) return false;
    const restarted = restartedOffer(offer, fragment);
    if (count(restarted, 'm=') > count(offer, 'm=')) throw new Error('a fragment added media to an offer');
    parseOffer(restarted);
    iceCredentials(restarted);
    return readFragment(restartFragment(restarted));
  },
});

const count = (text: string, start: string): number => text.split(/[\r\n]+/).filter((l) => l.startsWith(start)).length;
