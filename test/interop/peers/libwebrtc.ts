// libwebrtc through @roamhq/wrtc: libwebrtc.ts MODE URL NAME CODEC [data] [audio]. One JSON object a line, its counts so far, until its
// standard input ends. A process of its own, because the library crashes at a natural exit.

import wrtc from '@roamhq/wrtc';
import { WebSocket } from 'ws';
import { PROTOCOL_VERSION } from '../../../src/protocol/messages.ts';
import { CLIP_FPS, CLIP_SIZE, pictures } from '../clips.ts';
import { countChunks, exchange } from './exchange.ts';

const [mode = '', url = '', name = '', codec = '', ...options] = process.argv.slice(2);
const { RTCPeerConnection, nonstandard } = wrtc;
/** Played in a loop. */
const PICTURES = 30;
const seen = { connected: false, sent: 0, track: 0, depth: 0, width: 0, height: 0 };
const tell = (more: object = {}) => console.log(JSON.stringify({ ...seen, ...more }));

try {
  const peer = new RTCPeerConnection();
  peer.onconnectionstatechange = () => {
    seen.connected ||= peer.connectionState === 'connected';
  };
  peer.ontrack = ({ track }) => {
    if (track.kind !== 'video') return;
    new nonstandard.RTCVideoSink(track).onframe = ({ frame }: { frame: { width: number; height: number } }) => {
      Object.assign(seen, { track: seen.track + 1, width: frame.width, height: frame.height });
    };
  };
  if (options.includes('audio')) peer.addTransceiver('audio', { direction: mode === 'whep' ? 'recvonly' : 'sendonly' });
  if (mode === 'whep') peer.addTransceiver('video', { direction: 'recvonly' });
  else await feed(peer, mode === 'ws' ? 'sendrecv' : 'sendonly');
  if (options.includes('data')) {
    const channel = peer.createDataChannel('depth', { ordered: false, maxRetransmits: 0 });
    channel.binaryType = 'arraybuffer';
    channel.onmessage = countChunks(() => {
      seen.depth++;
    });
  }
  await peer.setLocalDescription(await peer.createOffer());
  while (peer.iceGatheringState !== 'complete') await new Promise((resolve) => setTimeout(resolve, 20));
  const sdp = only(peer.localDescription!.sdp, codec);
  const { answer, end } = await exchange({
    mode,
    url,
    name,
    sdp,
    protocol: PROTOCOL_VERSION,
    WebSocket: WebSocket as never,
  });
  await peer.setRemoteDescription({ type: 'answer', sdp: answer });
  setInterval(tell, 200);
  process.stdin.on('end', () => void end().finally(() => process.exit(0)));
  process.stdin.resume();
} catch (error) {
  tell({ error: (error as Error).message });
  process.exit(0);
}

async function feed(peer: RTCPeerConnection, direction: 'sendrecv' | 'sendonly'): Promise<void> {
  const source = new nonstandard.RTCVideoSource();
  peer.addTransceiver(source.createTrack(), { direction });
  const frames: Uint8Array[] = [];
  for await (const frame of pictures()) {
    if (frames.length === PICTURES) break;
    frames.push(frame.toBuffer());
  }
  setInterval(() => {
    source.onFrame({ ...CLIP_SIZE, data: frames[seen.sent++ % PICTURES]! });
  }, 1000 / CLIP_FPS);
}

/** This libwebrtc has no setCodecPreferences: the other codecs' formats are taken out of the video section. */
function only(sdp: string, wanted: string): string {
  const kept = [...sdp.matchAll(/a=rtpmap:(\d+) (\w+)\/90000/g)]
    .filter((m) => m[2]!.toLowerCase() === wanted)
    .map((m) => m[1]!);
  const rtx = [...sdp.matchAll(/a=fmtp:(\d+) apt=(\d+)/g)].filter((m) => kept.includes(m[2]!)).map((m) => m[1]!);
  return sdp.replace(/^(m=video \d+ \S+) .*$/m, `$1 ${[...kept, ...rtx].join(' ')}`);
}
