import { DepthcastError } from '../errors.ts';
import { ICE_PASSWORD, ICE_UFRAG } from '../webrtc/sdp/sdp.ts';

/** What an `application/trickle-ice-sdpfrag` body says (RFC 8840 section 9). */
export interface SdpFragment {
  ufrag: string | undefined;
  pwd: string | undefined;
  /** With the media section that each belongs to. */
  candidates: { candidate: string; sdpMid: string | null; sdpMLineIndex: number }[];
}

const MAX_CANDIDATES = 64;
/** A bare carriage return, too: what reads a description afterwards takes it for an end of line. */
const LINE_END = /\r\n|\n|\r/;

/** @throws DepthcastError BAD_REQUEST */
export function readFragment(body: string): SdpFragment {
  const fragment: SdpFragment = { ufrag: undefined, pwd: undefined, candidates: [] };
  let index = -1;
  let mid: string | null = null;
  for (const line of body.split(LINE_END)) {
    if (line === '') continue;
    if (!/^[a-z]=/.test(line)) throw new DepthcastError('BAD_REQUEST', { detail: 'a line of the fragment is no SDP' });
    if (line.startsWith('m=')) {
      index++;
      mid = null;
    } else if (line.startsWith('a=mid:')) mid = line.slice(6);
    else if (line.startsWith('a=ice-ufrag:')) fragment.ufrag ??= expect(ICE_UFRAG, line.slice(12), 'ICE ufrag');
    else if (line.startsWith('a=ice-pwd:')) fragment.pwd ??= expect(ICE_PASSWORD, line.slice(10), 'ICE password');
    // Some send the end of candidates as a candidate without content.
    else if (line.trim() === 'a=candidate:') continue;
    else if (line.startsWith('a=candidate:')) {
      if (fragment.candidates.length >= MAX_CANDIDATES)
        throw new DepthcastError('BAD_REQUEST', { detail: `more than ${MAX_CANDIDATES} candidates` });
      fragment.candidates.push({ candidate: line.slice(2), sdpMid: mid, sdpMLineIndex: Math.max(0, index) });
    }
  }
  return fragment;
}

function expect(form: RegExp, value: string, what: string): string {
  if (!form.test(value)) throw new DepthcastError('BAD_REQUEST', { detail: `the ${what} is malformed` });
  return value;
}

/** The ICE user fragment and password of a session description; its first, since everything is bundled. */
export function iceCredentials(sdp: string): { ufrag: string; pwd: string } {
  return { ufrag: /^a=ice-ufrag:(\S+)/m.exec(sdp)?.[1] ?? '', pwd: /^a=ice-pwd:(\S+)/m.exec(sdp)?.[1] ?? '' };
}

/** An offer as it would read after the ICE restart that a fragment announces. */
export function restartedOffer(offer: string, { ufrag, pwd, candidates }: SdpFragment): string {
  const lines = offer
    .split(LINE_END)
    .filter((line) => line !== '' && !/^a=(candidate:|end-of-candidates)/.test(line))
    .map((line) => {
      // No replacement pattern: `$` in one stands for the text that was found.
      if (line.startsWith('a=ice-ufrag:')) return `a=ice-ufrag:${ufrag}`;
      return line.startsWith('a=ice-pwd:') ? `a=ice-pwd:${pwd}` : line;
    });
  const first = lines.findIndex((line) => line.startsWith('m='));
  const second = lines.findIndex((line, i) => i > first && line.startsWith('m='));
  lines.splice(second < 0 ? lines.length : second, 0, ...candidates.map(({ candidate }) => `a=${candidate}`));
  return `${lines.join('\r\n')}\r\n`;
}

/** The answer to an ICE restart as a fragment: new credentials and our candidates (RFC 9725 section 4.3.3). */
export function restartFragment(answer: string): string {
  const { ufrag, pwd } = iceCredentials(answer);
  const candidates = answer.split('\r\n').filter((line) => line.startsWith('a=candidate:'));
  const media = /^m=.*/m.exec(answer)?.[0] ?? 'm=video 9 UDP/TLS/RTP/SAVPF 0';
  const mid = /^a=mid:.*/m.exec(answer)?.[0] ?? 'a=mid:0';
  const lines = [`a=ice-ufrag:${ufrag}`, `a=ice-pwd:${pwd}`, media, mid, ...candidates, 'a=end-of-candidates'];
  return `${lines.join('\r\n')}\r\n`;
}
