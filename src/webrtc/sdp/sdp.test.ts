import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CODEC_NAMES, type VideoCodec } from '../../codecs.ts';
import { DepthcastError } from '../../errors.ts';
import { parseCandidate } from '../ice/candidate.ts';
import type { Agreement, PeerRole } from './agreement.ts';
import { buildAnswer } from './answer.ts';
import { negotiate } from './negotiation.ts';
import { parseOffer } from './sdp.ts';

const read = (name: string) => readFileSync(new URL(`../../../test/vectors/sdp/${name}.sdp`, import.meta.url), 'utf8');
const CHROMIUM = read('chromium');
const FIREFOX = read('firefox');
const M98 = read('libwebrtc-m98');
const OBS = read('obs');

const agree = (sdp: string, role: PeerRole = 'duplex', codecs: VideoCodec[] = ['VP8', 'H264']): Agreement =>
  negotiate(parseOffer(sdp), role, codecs);

const answer = (sdp: string, agreement = agree(sdp)): string =>
  buildAnswer(parseOffer(sdp), agreement, {
    sessionId: '1',
    sessionVersion: 2,
    iceUfrag: 'ufra',
    icePwd: 'p'.repeat(24),
    candidates: ['candidate:1 1 udp 1 127.0.0.1 5 typ host'],
    fingerprint: 'AB:CD',
    maxMessageSize: 1000,
    outgoing: { ssrc: 11, rtxSsrc: 12, cname: 'c', streamId: 's', trackId: 't' },
  });

/** The lines of each media section of an SDP. */
const sections = (sdp: string) =>
  sdp
    .split(/^(?=m=)/m)
    .slice(1)
    .map((section) => section.trim().split('\r\n'));

function failure(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof DepthcastError) return error.code;
    throw error;
  }
  return 'none';
}

describe('offers of real peers', () => {
  it("Chromium's: its video and data, not its audio", () => {
    const { video, data, transport } = agree(CHROMIUM);
    expect(video).toMatchObject({ index: 1, mid: '1', direction: 'sendrecv', rtcpReducedSize: true });
    expect(video!.codecs.map(({ codec, payloadType, rtxPayloadType }) => [codec, payloadType, rtxPayloadType])).toEqual(
      [
        ['VP8', 96, 97],
        ['H264', expect.any(Number), expect.any(Number)],
      ],
    );
    expect(video!.codecs[1]!.format).toBe('level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f');
    expect(Object.keys(video!.extensions).sort()).toEqual(['absCaptureTime', 'absSendTime', 'mid', 'playoutDelay']);
    expect(video!.repairSsrcs.size).toBe(1);
    expect(data).toMatchObject({ index: 2, sctpPort: 5000, maxMessageSize: 262_144 });
    expect(transport).toMatchObject({ dtlsRole: 'client', iceLite: false });
    expect(transport.candidates.length).toBeGreaterThan(0);
  });

  it("Firefox's, whose format parameters stand before their codecs", () => {
    const { video } = agree(FIREFOX);
    expect(video!.codecs[0]).toMatchObject({ codec: 'VP8', payloadType: 120, rtxPayloadType: 124 });
    expect(video!.codecs[0]!.feedback).toEqual(['goog-remb', 'ccm fir', 'nack', 'nack pli']);
    // Firefox only receives this one: we only send it.
    expect(answer(FIREFOX)).toContain('/sendonly http://www.webrtc.org/experiments/rtp-hdrext/playout-delay');
  });

  it("libwebrtc M98's", () => {
    expect(agree(M98).video).toMatchObject({ direction: 'sendrecv' });
  });

  it("OBS's: one way, with session-level ICE and one codec", () => {
    const { video, data } = agree(OBS, 'publish');
    expect(video).toMatchObject({ index: 1, direction: 'recvonly' });
    expect(video!.codecs).toMatchObject([{ codec: 'H264', payloadType: 96, rtxPayloadType: undefined }]);
    expect(data).toBeUndefined();
    expect(failure(() => agree(OBS, 'publish', ['VP8']))).toBe('UNSUPPORTED_CODEC');
    expect(failure(() => agree(OBS, 'view'))).toBe('NO_VIDEO');
  });
});

describe('the answer', () => {
  it('has one section for each that was offered, audio as inactive', () => {
    const [audio, video, data] = sections(answer(CHROMIUM));
    expect(audio![0]).toBe('m=audio 9 UDP/TLS/RTP/SAVPF 111');
    expect(audio).toEqual(
      expect.arrayContaining(['a=inactive', 'a=mid:0', 'a=rtcp-mux', 'a=rtpmap:111 opus/48000/2', 'a=setup:active']),
    );
    expect(audio!.filter((line) => /^a=(ice-ufrag|ice-pwd|fingerprint):/.test(line)).length).toBe(3);
    expect(video![0]).toMatch(/^m=video 9 UDP\/TLS\/RTP\/SAVPF 96 97 \d+ \d+$/);
    expect(video).toEqual(
      expect.arrayContaining(['a=sendrecv', 'a=rtcp-mux', 'a=mid:1', 'a=setup:active', 'a=ssrc-group:FID 11 12']),
    );
    expect(data).toEqual(expect.arrayContaining(['a=sctp-port:5000', 'a=max-message-size:1000', 'a=mid:2']));
    expect(answer(CHROMIUM)).toContain('a=group:BUNDLE 0 1 2\r\n');
  });

  it('never asks for transport-wide feedback or video orientation', () => {
    for (const offer of [CHROMIUM, FIREFOX, M98]) {
      expect(offer).toContain('transport-cc');
      expect(answer(offer)).not.toMatch(/transport-cc|transport-wide-cc|video-orientation|toffset/);
    }
  });

  it('refuses what has no transport of its own with port 0, in a form that strict peers read', () => {
    const [audio, video] = sections(answer(CHROMIUM.replace(/^a=group:BUNDLE.*\r\n/m, '')));
    expect(audio![0]).toMatch(/^m=audio 0 UDP\/TLS\/RTP\/SAVPF 111 /);
    for (const format of audio![0]!.split(' ').slice(3))
      expect(audio!.some((line) => line.startsWith(`a=rtpmap:${format} `))).toBe(true);
    for (const name of ['ice-ufrag', 'ice-pwd', 'fingerprint', 'setup', 'rtcp-mux'])
      expect(
        audio!.some((line) => line.startsWith(`a=${name}`)),
        name,
      ).toBe(true);
    expect(audio!.some((line) => line.startsWith('a=candidate'))).toBe(false);
    expect(video![0]).toMatch(/^m=video 9 /);
  });

  it('refuses a second video section', () => {
    const [, video] = CHROMIUM.split(/^(?=m=)/m).slice(1) as [string, string];
    const twice = CHROMIUM + video.replace('a=mid:1', 'a=mid:9');
    expect(agree(twice).video!.index).toBe(1);
    expect(sections(answer(twice))[3]![0]).toMatch(/^m=video 0 /);
  });

  it('takes the first video section that can be used', () => {
    const [, video] = CHROMIUM.split(/^(?=m=)/m).slice(1) as [string, string];
    const off = video.replace('a=mid:1', 'a=mid:9').replace('a=sendrecv', 'a=inactive');
    const offer = CHROMIUM.replace(video, off + video).replace('BUNDLE 0 1 2', 'BUNDLE 0 9 1 2');
    expect(agree(offer).video).toMatchObject({ index: 2, mid: '1' });
  });

  it.each([
    ['recvonly', 'sendonly', 'duplex', 1, 'recvonly'],
    ['recvonly', 'sendrecv', 'duplex', 1, 'sendrecv'],
    ['sendonly', 'recvonly', 'duplex', 0, 'recvonly'],
    ['sendrecv', 'sendonly', 'duplex', 0, 'sendrecv'],
    ['recvonly', 'sendonly', 'publish', 1, 'recvonly'],
    ['sendonly', 'recvonly', 'view', 1, 'sendonly'],
  ] as const)('of sections %s and %s takes as %s number %i', (first, second, role, index, direction) => {
    const [, video] = CHROMIUM.split(/^(?=m=)/m).slice(1) as [string, string];
    const head = CHROMIUM.slice(0, CHROMIUM.indexOf('m=')).replace('BUNDLE 0 1 2', 'BUNDLE 1 9');
    const turned = (mid: number, way: string) =>
      video.replace('a=mid:1', `a=mid:${mid}`).replace('a=sendrecv', `a=${way}`);
    const offer = parseOffer(head + turned(1, first) + turned(9, second));
    const before = negotiate(offer, role, ['VP8', 'H264']);
    expect(before.video).toMatchObject({ index, direction });
    // Whatever a later offer would prefer, the section in use stays.
    const later = parseOffer(head + turned(1, 'sendrecv') + turned(9, 'sendrecv'));
    expect(negotiate(later, role, ['VP8', 'H264'], before).video).toMatchObject({ index });
  });

  it('takes H.264 without packetization-mode to receive, and says what sending it needs', () => {
    const offer = OBS.replace(/packetization-mode=1;?/, '');
    const { video } = agree(offer, 'publish');
    expect(video!.codecs).toMatchObject([{ codec: 'H264', payloadType: 96, sendable: false }]);
    expect(video!.codecs[0]!.format).toContain('packetization-mode=0');
    // Where both are offered, mode 1 is the better one.
    expect(agree(CHROMIUM, 'publish').video!.codecs[1]!.format).toContain('packetization-mode=1');
    const viewer = offer.replaceAll('a=sendonly', 'a=recvonly');
    expect(() => agree(viewer, 'view')).toThrow(/H264 offered; offer H264 with packetization-mode=1/);
    // Received, and nothing returned, which is told.
    const duplex = agree(offer.replaceAll('a=sendonly', 'a=sendrecv'), 'duplex');
    expect(duplex.video).toMatchObject({ direction: 'recvonly' });
    expect(duplex.notes).toEqual([expect.stringContaining('packetization-mode=1')]);
    expect(agree(CHROMIUM).notes).toEqual([]);
  });

  it('says why the one section that brings video cannot be taken', () => {
    const [, video] = CHROMIUM.split(/^(?=m=)/m).slice(1) as [string, string];
    const head = CHROMIUM.slice(0, CHROMIUM.indexOf('m=')).replace('BUNDLE 0 1 2', 'BUNDLE 1 9');
    const camera = video.replace('a=mid:1', 'a=mid:9').replace('a=sendrecv', 'a=sendonly');
    const unknown = camera.replaceAll(/(VP8|VP9|H264|AV1)\/90000/g, 'X$1/90000');
    const offer = head + video.replace('a=sendrecv', 'a=recvonly') + unknown;
    expect(() => agree(offer, 'duplex')).toThrow(/XVP8.* offered; this server takes/);
    const interleaved = OBS.replace('packetization-mode=1', 'packetization-mode=2');
    expect(() => agree(interleaved, 'publish')).toThrow(/H264 offered; .*H264 with packetization-mode 0 or 1/);
    const plain = OBS.replaceAll('UDP/TLS/RTP/SAVPF', 'RTP/AVP');
    expect(() => agree(plain, 'publish')).toThrow(/offered as RTP\/AVP; UDP\/TLS\/RTP\/SAVPF is needed/);
  });

  it('takes codecs that are only received, and returns another', () => {
    const { video } = negotiate(parseOffer(CHROMIUM), 'duplex', CODEC_NAMES);
    expect(video!.codecs.map(({ codec, sendable, format }) => [codec, sendable, format])).toEqual([
      ['VP8', true, ''],
      ['H264', true, expect.stringContaining('packetization-mode=1')],
      ['AV1', false, 'level-idx=5;profile=0;tier=0'],
      ['VP9', false, 'profile-id=0'],
    ]);
    // VP9 alone: taken by a publisher, told to a duplex client, refused to a viewer.
    const alone = CHROMIUM.replaceAll(/(VP8|H264|AV1)\/90000/g, 'X$1/90000');
    expect(negotiate(parseOffer(alone), 'publish', CODEC_NAMES).video).toMatchObject({ direction: 'recvonly' });
    const duplex = negotiate(parseOffer(alone), 'duplex', CODEC_NAMES);
    expect(duplex).toMatchObject({ video: { direction: 'recvonly' }, notes: [expect.stringMatching(/VP8 or H264/)] });
    expect(() => negotiate(parseOffer(alone), 'view', CODEC_NAMES)).toThrow(/VP9.* offered; offer VP8 or H264/);
    const h265 = CHROMIUM.replaceAll('VP9/90000', 'H265/90000').replaceAll(
      / profile-id=\d\r/g,
      ' profile-id=1;tx-mode=MRST\r',
    );
    expect(agree(h265, 'publish', ['H265', 'VP8']).video!.codecs.map(({ codec }) => codec)).toEqual(['VP8']);
    const single = h265.replaceAll('tx-mode=MRST', 'sprop-vps=QAEM;level-id=93;tx-mode=SRST');
    expect(agree(single, 'publish', ['H265']).video!.codecs[0]).toMatchObject({
      format: 'level-id=93;profile-id=1;tx-mode=SRST',
      parameterSets: ['QAEM'],
    });
  });

  it('reads what the peer wants to receive at most', () => {
    const limit = (...lines: string[]) =>
      agree(CHROMIUM.replace(/(m=video .*\r\nc=.*\r\n)/, `$1${lines.map((line) => `${line}\r\n`).join('')}`), 'view')
        .video!.maxBitrate;
    expect(limit()).toBeUndefined();
    expect(limit('b=TIAS:100000')).toBe(100_000);
    expect(limit('b=AS:100')).toBe(95_000);
    expect(limit('b=AS:200', 'b=TIAS:100000')).toBe(100_000);
    expect(limit('b=RS:0', 'b=AS:x', 'b=')).toBeUndefined();
    const session = agree(CHROMIUM.replace('t=0 0\r\n', 'b=AS:50\r\nt=0 0\r\n'), 'view');
    expect(session.video!.maxBitrate).toBe(47_500);
  });

  it('takes data channels as they were offered before RFC 8841', () => {
    const legacy = CHROMIUM.replace(/m=application (\d+) .*\r\n/, 'm=application $1 DTLS/SCTP 5001\r\n').replace(
      'a=sctp-port:5000',
      'a=sctpmap:5001 webrtc-datachannel 1024',
    );
    expect(agree(legacy).data).toMatchObject({ index: 2, sctpPort: 5001, legacy: true });
    const data = sections(answer(legacy))[2]!;
    expect(data[0]).toBe('m=application 9 DTLS/SCTP 5000');
    expect(data).toContain('a=sctpmap:5000 webrtc-datachannel 65535');
    expect(data.some((line) => line.startsWith('a=sctp-port'))).toBe(false);
    const unbundled = legacy.replace('BUNDLE 0 1 2', 'BUNDLE 0 1');
    expect(agree(unbundled)).toMatchObject({ data: undefined, notes: [expect.stringContaining('BUNDLE')] });
  });

  it.each([
    ['sendrecv', 'duplex', 'sendrecv'],
    ['sendonly', 'duplex', 'recvonly'],
    ['recvonly', 'duplex', 'sendonly'],
    ['sendrecv', 'publish', 'recvonly'],
    ['sendrecv', 'view', 'sendonly'],
    ['recvonly', 'view', 'sendonly'],
  ] as const)('to %s as %s is %s', (offered, role, expected) => {
    const offer = CHROMIUM.replaceAll(/^a=sendrecv/gm, `a=${offered}`);
    const agreement = agree(offer, role);
    expect(agreement.video!.direction).toBe(expected);
    expect(/a=msid:|a=ssrc:/.test(answer(offer, agreement))).toBe(expected !== 'recvonly');
  });

  it('is passive where the offerer insists on being active', () => {
    const offer = CHROMIUM.replaceAll('a=setup:actpass', 'a=setup:active');
    expect(answer(offer)).toContain('a=setup:passive');
  });

  it('takes sections that are bundle-only, whose port is 0', () => {
    const offer = CHROMIUM.replace(/m=application \d+ (.*)\r\n/, 'm=application 0 $1\r\na=bundle-only\r\n');
    expect(agree(offer).data).toMatchObject({ index: 2 });
    expect(agree(offer.replace('a=bundle-only\r\n', '')).data).toBeUndefined();
  });

  it('follows the order of codecs in the offer', () => {
    const [line, numbers] = /m=video \d+ \S+ (.*)\r\n/.exec(CHROMIUM)!;
    const h264 = agree(CHROMIUM, 'duplex', ['H264']).video!.codecs[0]!.payloadType;
    const others = numbers!.split(' ').filter((number) => Number(number) !== h264);
    const offer = CHROMIUM.replace(line!, line!.replace(numbers!, [h264, ...others].join(' ')));
    expect(agree(CHROMIUM).video!.codecs.map(({ codec }) => codec)).toEqual(['VP8', 'H264']);
    expect(agree(offer).video!.codecs.map(({ codec }) => codec)).toEqual(['H264', 'VP8']);
    expect(agree(offer, 'duplex', ['VP8']).video!.codecs.map(({ codec }) => codec)).toEqual(['VP8']);
  });

  it('takes only the video where nothing is bundled', () => {
    const offer = CHROMIUM.replace(/^a=group:BUNDLE.*\r\n/m, '');
    expect(agree(offer).data).toBeUndefined();
    expect(answer(offer)).not.toContain('BUNDLE');
  });

  it('bundles what is in the group of the video, whatever other groups there are', () => {
    const groups = (...mids: string[]) =>
      CHROMIUM.replace('a=group:BUNDLE 0 1 2', mids.map((each) => `a=group:BUNDLE ${each}`).join('\r\n'));
    for (const offer of [groups('0', '1 2'), groups('1 2', '0')]) {
      expect(agree(offer)).toMatchObject({ video: { index: 1 }, data: { index: 2 }, silent: [], notes: [] });
      expect(answer(offer)).toContain('a=group:BUNDLE 1 2\r\n');
    }
    // In none itself: nothing else comes with it, and nothing of the others is taken for its own.
    const outside = groups('0 2').replace(/a=ice-ufrag:\S+/, 'a=ice-ufrag:ofsound');
    expect(agree(outside)).toMatchObject({ data: undefined, silent: [], notes: [expect.stringContaining('BUNDLE')] });
    expect(agree(outside).transport.iceUfrag).not.toBe('ofsound');
    expect(answer(outside)).not.toContain('BUNDLE');
  });

  it('reads extensions that stand for the whole session, fingerprints beside an old one, and rtcp-mux-only', () => {
    const maps = CHROMIUM.match(/^a=extmap:.*\r\n/gm)!;
    const capture = maps.find((line) => line.includes('abs-capture-time'))!;
    const session = CHROMIUM.replaceAll(capture, '').replace('t=0 0\r\n', `t=0 0\r\n${capture}`);
    expect(agree(session).video!.extensions).toEqual(agree(CHROMIUM).video!.extensions);
    const md5 = `a=fingerprint:md5 ${Array(16).fill('00').join(':')}\r\n`;
    const twice = CHROMIUM.replaceAll(/^a=fingerprint:/gm, `${md5}a=fingerprint:`);
    expect(agree(twice).transport.fingerprints).toEqual(agree(CHROMIUM).transport.fingerprints);
    expect(agree(CHROMIUM.replaceAll('a=rtcp-mux\r', 'a=rtcp-mux-only\r')).video).toBeDefined();
  });

  it('takes no payload type that rtcp-mux gives to RTCP, and says so', () => {
    const taken = OBS.replaceAll(/(m=video.* |a=rtpmap:|a=fmtp:|a=rtcp-fb:)96\b/g, '$172');
    expect(() => agree(taken, 'publish')).toThrow(/H264 offered; .*payload types 64 to 95 are taken by RTCP/);
  });

  it('gives a viewer data without video, but not a publisher', () => {
    const [, , data] = CHROMIUM.split(/^(?=m=)/m).slice(1) as [string, string, string];
    const offer = CHROMIUM.slice(0, CHROMIUM.indexOf('m=')).replace('BUNDLE 0 1 2', 'BUNDLE 2') + data;
    expect(agree(offer, 'view')).toMatchObject({ video: undefined, data: { index: 0 } });
    expect(failure(() => agree(offer, 'publish'))).toBe('NO_VIDEO');
  });
});

describe('unusable offers', () => {
  it.each([
    ['nothing', '', 'BAD_SDP'],
    ['not SDP', 'hello', 'BAD_SDP'],
    ['no media', 'v=0\r\ns=-\r\n', 'BAD_SDP'],
    ['a wild line', `${CHROMIUM}garbage\r\n`, 'BAD_SDP'],
    ['a malformed media line', `${CHROMIUM}m=video\r\n`, 'BAD_SDP'],
    ['two sections of one mid', CHROMIUM.replace('a=mid:1', 'a=mid:0'), 'BAD_SDP'],
    ['no ICE password', CHROMIUM.replaceAll(/^a=ice-pwd.*\r\n/gm, ''), 'BAD_SDP'],
    ['a short ICE password', CHROMIUM.replaceAll(/^a=ice-pwd.*$/gm, 'a=ice-pwd:short'), 'BAD_SDP'],
    ['no fingerprint', CHROMIUM.replaceAll(/^a=fingerprint.*\r\n/gm, ''), 'BAD_SDP'],
    [
      'a weak fingerprint',
      CHROMIUM.replaceAll(/^a=fingerprint.*$/gm, `a=fingerprint:sha-1 ${Array(20).fill('00').join(':')}`),
      'BAD_SDP',
    ],
    ['a strange setup', CHROMIUM.replaceAll('a=setup:actpass', 'a=setup:holdconn'), 'BAD_SDP'],
    ['no rtcp-mux', CHROMIUM.replaceAll(/^a=rtcp-mux\r\n/gm, ''), 'BAD_SDP'],
    ['a wild SCTP port', CHROMIUM.replace('a=sctp-port:5000', 'a=sctp-port:99999'), 'BAD_SDP'],
    ['audio alone', CHROMIUM.split(/^(?=m=video)/m)[0]!, 'NO_VIDEO'],
    [
      'video that was refused',
      CHROMIUM.replace('m=video 9', 'm=video 0').replace(/^m=video \d+/m, 'm=video 0'),
      'NO_VIDEO',
    ],
    ['no codec of ours', CHROMIUM.replaceAll(/(VP8|H264)\/90000/g, 'AV1X/90000'), 'UNSUPPORTED_CODEC'],
    ['too many bytes', CHROMIUM + 'a=x\r\n'.repeat(50_000), 'BAD_SDP'],
    ['too many lines', CHROMIUM + 'a=\r\n'.repeat(5000), 'BAD_SDP'],
    ['a huge line', `${CHROMIUM}a=${'x'.repeat(5000)}\r\n`, 'BAD_SDP'],
    ['too many sections', CHROMIUM + 'm=audio 9 UDP/TLS/RTP/SAVPF 0\r\n'.repeat(40), 'BAD_SDP'],
    ['too many formats', `${CHROMIUM}m=video 9 UDP/TLS/RTP/SAVPF ${'1 '.repeat(200)}\r\n`, 'BAD_SDP'],
    ['too many codecs', CHROMIUM + 'a=rtpmap:1 X/1\r\n'.repeat(200), 'BAD_SDP'],
  ])('with %s are refused', (_name, sdp, code) => {
    expect(failure(() => agree(sdp))).toBe(code);
  });

  it('keep a bounded number of candidates and never throw anything else', () => {
    const many = CHROMIUM.replace(
      'a=mid:0',
      `a=mid:0\r\n${'a=candidate:1 1 udp 1 10.0.0.1 9 typ host\r\n'.repeat(500)}`.trimEnd(),
    );
    expect(parseOffer(many).media[0]!.candidates.length).toBe(64);
    const lines = CHROMIUM.split('\r\n');
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(
            fc.nat(lines.length - 1),
            fc.oneof(
              fc.string(),
              fc.constantFrom('', 'm=', 'a=', 'a=rtpmap:', 'a=fmtp:96', 'a=extmap:a/b', 'a=ssrc-group:FID'),
            ),
          ),
        ),
        (edits) => {
          const changed = [...lines];
          for (const [at, text] of edits) changed[at] = text;
          const code = failure(() => answer(changed.join('\r\n')));
          expect(['none', 'BAD_SDP', 'NO_VIDEO', 'UNSUPPORTED_CODEC']).toContain(code);
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('candidates', () => {
  it('are read with and without their prefixes', () => {
    for (const prefix of ['', 'candidate:', 'a=candidate:']) {
      expect(parseCandidate(`${prefix}1 1 UDP 2122194687 192.0.2.7 55567 typ host generation 0`)).toMatchObject({
        address: '192.0.2.7',
        port: 55_567,
        type: 'host',
        priority: 2_122_194_687,
      });
    }
    expect(parseCandidate('candidate:1 1 udp 1 fd00::2 5 typ srflx raddr 0.0.0.0 rport 0')).toMatchObject({
      address: 'fd00::2',
    });
  });

  it.each([
    'candidate:1 1 tcp 1518214911 192.0.2.7 9 typ host tcptype active',
    'candidate:1 2 udp 1 192.0.2.7 9 typ host',
    'candidate:1 1 udp 1 6e9b5a1c-7a02-4a21-9bd6-5d0d4a0d1c7e.local 51000 typ host',
    'candidate:1 1 udp 1 internal.example 80 typ host',
  ])('of no use are passed over: %s', (line) => {
    expect(parseCandidate(line)).toBeUndefined();
  });

  it.each([
    'candidate:',
    'candidate:1 1 udp',
    'candidate:1 1 udp x 10.0.0.1 5 typ host',
    'candidate:1 1 udp 1 10.0.0.1 70000 typ host',
    'candidate:1 1 udp 1 10.0.0.1 5 typ foo',
    'x'.repeat(600),
  ])('that are malformed are refused: %s', (line) => {
    expect(failure(() => parseCandidate(line))).toBe('BAD_REQUEST');
  });
});
