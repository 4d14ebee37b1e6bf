import { describe, expect, it } from 'vitest';
import { readFragment, restartedOffer } from './trickle.ts';

const PASSWORD = 'vw5LmwG4y/e6dPP/zAP9Gp5k';
const OFFER = 'v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=ice-ufrag:abcd\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n';
const restart = (ufrag: string, pwd: string) => `a=ice-ufrag:${ufrag}\r\na=ice-pwd:${pwd}\r\n`;

describe('the fragment of an ICE restart', () => {
  it('puts its credentials and candidates into the offer', () => {
    const body = `${restart('ysXw', PASSWORD)}m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\na=candidate:1 1 udp 2130706431 192.0.2.1 9 typ host\r\n`;
    expect(restartedOffer(OFFER, readFragment(body))).toBe(
      `v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n${restart('ysXw', PASSWORD)}a=candidate:1 1 udp 2130706431 192.0.2.1 9 typ host\r\n`,
    );
  });

  it.each([
    ['a pattern that stands for what it replaces', restart('$&'.repeat(100), PASSWORD)],
    ['the same in the password', restart('ysXw', '$&'.repeat(100))],
    ['a ufrag that is too short', restart('abc', PASSWORD)],
    ['an endless password', restart('ysXw', 'a'.repeat(257))],
  ])('is refused with %s', (_, body) => {
    expect(() => readFragment(body)).toThrowError(expect.objectContaining({ code: 'BAD_REQUEST' }));
  });

  it('adds no media, not behind a bare carriage return either', () => {
    const offer = restartedOffer(OFFER, readFragment(restart('ysXw\rm=audio 9 RTP/AVP 0', PASSWORD)));
    expect(offer.match(/m=/g)).toHaveLength(1);
  });
});
