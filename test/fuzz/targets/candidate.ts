import { parseCandidate } from '../../../src/webrtc/ice/candidate.ts';
import { damagedText } from '../mutate.ts';
import { defineTarget } from '../target.ts';

const LINES = [
  'candidate:1467250027 1 udp 2122260223 192.168.0.196 46243 typ host generation 0',
  'candidate:435653019 2 tcp 1845501695 192.168.0.196 9 typ host tcptype active',
  'a=candidate:1 1 UDP 2130706431 2001:db8::1 5000 typ srflx raddr 10.0.0.1 rport 4000',
  'candidate:1 1 udp 1 3a5a1bc2-3f5d-4c9b-9b5e-1d9f0b2f4a11.local 5000 typ host',
  'candidate:2 1 udp 41819902 203.0.113.5 3478 typ relay raddr 0.0.0.0 rport 0',
];

export default defineTarget({
  name: 'candidate',
  about: 'trickled ICE candidate lines',
  inputs: () => damagedText(LINES),
  read: (line) => parseCandidate(line) !== undefined,
});
