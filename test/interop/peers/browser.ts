// A browser: browser.ts chromium|firefox MODE URL NAME CODEC [data] [audio]. One JSON object a line, its counts so far, until its
// standard input ends.

import { setTimeout as sleep } from 'node:timers/promises';
import { PROTOCOL_VERSION } from '../../../src/protocol/messages.ts';
import { launchBrowser, openBlankPage } from '../../e2e/support/browser.ts';
import { Firefox } from '../../e2e/support/firefox.ts';
import { countChunks, exchange } from './exchange.ts';

const [which, mode, url, name, codec, ...options] = process.argv.slice(2);

/** Runs in the page. */
const SCRIPT = `
// tsx names functions by a helper of its own.
const __name = (f) => f;
${exchange.toString()}
${countChunks.toString()}
// Longest time between two pictures shown since the last report, ms.
let shownAt = 0;
let longest = 0;
async function begin({ mode, url, name, protocol, codec, data, audio }) {
  const seen = window.seen = { connected: false, sent: 0, track: 0, depth: 0 };
  const peer = window.peer = new RTCPeerConnection();
  peer.onconnectionstatechange = () => { seen.connected ||= peer.connectionState === 'connected'; };
  peer.ontrack = ({ track }) => {
    if (track.kind !== 'video') return;
    const video = document.querySelector('video') ?? document.body.appendChild(document.createElement('video'));
    Object.assign(video, { muted: true, srcObject: new MediaStream([track]) });
    video.play();
    const shown = () => {
      const now = performance.now();
      if (shownAt) longest = Math.max(longest, now - shownAt);
      shownAt = now;
      video.requestVideoFrameCallback?.(shown);
    };
    video.requestVideoFrameCallback?.(shown);
  };
  const direction = { whip: 'sendonly', ws: 'sendrecv', whep: 'recvonly' }[mode];
  if (mode === 'whep') {
    if (audio) peer.addTransceiver('audio', { direction });
    peer.addTransceiver('video', { direction });
  } else {
    const stream = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480, frameRate: 15 }, audio });
    for (const track of [...stream.getAudioTracks(), ...stream.getVideoTracks()]) peer.addTransceiver(track, { direction, streams: [stream] });
  }
  const transceiver = peer.getTransceivers().at(-1);
  const { codecs } = (mode === 'whep' ? RTCRtpReceiver : RTCRtpSender).getCapabilities('video');
  const wanted = codecs.filter(({ mimeType }) => mimeType.toLowerCase() === 'video/' + codec);
  if (wanted.length === 0) throw new Error('this browser has no ' + codec);
  transceiver.setCodecPreferences([...wanted, ...codecs.filter(({ mimeType }) => mimeType === 'video/rtx')]);
  if (data) {
    const channel = peer.createDataChannel('depth', { ordered: false, maxRetransmits: 0 });
    channel.binaryType = 'arraybuffer';
    channel.onmessage = countChunks(() => { seen.depth++; });
  }
  await peer.setLocalDescription();
  while (peer.iceGatheringState !== 'complete') await new Promise((resolve) => setTimeout(resolve, 20));
  const { answer, end } = await exchange({ mode, url, name, protocol, sdp: peer.localDescription.sdp, WebSocket });
  window.end = end;
  await peer.setRemoteDescription({ type: 'answer', sdp: answer });
}
async function report() {
  for (const stats of (await peer.getStats()).values()) {
    if (stats.type === 'outbound-rtp' && stats.kind === 'video') seen.sent = stats.framesEncoded ?? 0;
    if (stats.type === 'inbound-rtp' && stats.kind === 'video')
      Object.assign(seen, { track: stats.framesDecoded ?? 0, width: stats.frameWidth, height: stats.frameHeight });
  }
  seen.gap = Math.max(longest, shownAt ? performance.now() - shownAt : 0);
  longest = 0;
  return seen;
}
Object.assign(window, { begin, report });`;

interface Page {
  evaluate(expression: string): Promise<unknown>;
  close(): Promise<void>;
}

async function open(): Promise<Page> {
  if (which === 'firefox') {
    const firefox = await Firefox.launch();
    // Any page of the server is a secure context on loopback, where cameras work.
    await firefox.navigate(`${url}/livez`);
    return { evaluate: (text) => firefox.evaluate(text), close: () => firefox.close() };
  }
  const browser = await launchBrowser({
    fps: 15,
    args: ['--disable-features=LocalNetworkAccessChecks,WebRtcHideLocalIpsWithMdns'],
  });
  const page = await openBlankPage(browser);
  return { evaluate: (text) => page.evaluate(text), close: () => browser.close() };
}

let ended = false;
process.stdin.on('end', () => {
  ended = true;
});
process.stdin.resume();
const page = await open();
try {
  await page.evaluate(`(() => { ${SCRIPT} })()`);
  const settings = {
    mode,
    url,
    name,
    protocol: PROTOCOL_VERSION,
    codec,
    data: options.includes('data'),
    audio: options.includes('audio'),
  };
  await page.evaluate(`window.begin(${JSON.stringify(settings)})`);
  while (!ended) {
    console.log(JSON.stringify(await page.evaluate('window.report()')));
    await sleep(200);
  }
  await page.evaluate('window.end().then(() => true)');
} catch (error) {
  console.log(JSON.stringify({ connected: false, sent: 0, track: 0, depth: 0, error: (error as Error).message }));
} finally {
  await page.close();
}
process.exit(0);
