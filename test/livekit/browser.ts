import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { findChromium, launchBrowser } from '../e2e/support/browser.ts';
import { roomToken, SERVER_URL } from './server.ts';
import { until, type World } from './world.ts';

const require = createRequire(import.meta.url);
/** From a server of its own: Chromium lets no page of an unknown address speak to this machine's. */
const PORT = 8123;
const ORIGIN = `http://127.0.0.1:${PORT}`;
const ENOUGH = 30;

/** What the page has seen. */
interface PageReport {
  shown: number;
  identified: number;
  packets: number;
  stamped: number;
  /** Frame ids of the last shown picture of the depth track, and of the last packet. */
  lastShown: number;
  lastPacket: number;
  magic: string;
}

const PAGE = `<!doctype html><video autoplay muted playsinline></video><script src="/livekit-client.js"></script><script>
const { Room, RoomEvent } = LivekitClient;
window.seen = { shown: 0, identified: 0, packets: 0, stamped: 0, lastShown: -1, lastPacket: -1, magic: '' };
window.join = async (url, token) => {
  const worker = new Worker('/frame-metadata.mjs', { type: 'module' });
  const room = new Room({ frameMetadata: { worker } });
  room.on(RoomEvent.TrackSubscribed, (track) => {
    if (track.kind !== 'video') return;
    const video = document.querySelector('video');
    track.attach(video);
    const onFrame = (_, { rtpTimestamp }) => {
      video.requestVideoFrameCallback(onFrame);
      seen.shown++;
      const found = rtpTimestamp === undefined ? undefined : track.lookupFrameMetadata({ rtpTimestamp });
      if (found?.frameId === undefined) return;
      seen.identified++;
      seen.lastShown = found.frameId;
    };
    video.requestVideoFrameCallback(onFrame);
  });
  room.on(RoomEvent.DataTrackPublished, async (track) => {
    const reader = track.subscribe({ bufferSize: 2 }).getReader();
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      const view = new DataView(value.payload.buffer, value.payload.byteOffset, value.payload.byteLength);
      seen.packets++;
      if (value.userTimestamp !== undefined) seen.stamped++;
      seen.magic = String.fromCharCode(view.getUint8(0), view.getUint8(1));
      seen.lastPacket = view.getUint32(8, true);
    }
  });
  await room.connect(url, token);
  await room.localParticipant.setCameraEnabled(true, { resolution: { width: 640, height: 480, frameRate: 15 } },
    { simulcast: false, videoCodec: 'vp8', frameMetadata: { timestamp: true, frameId: true } });
};
</script>`;

/** Chromium with livekit-client publishes its camera, shows the depth track and reads the data track. */
export async function browserStep(world: World): Promise<string> {
  if (findChromium() === undefined) {
    assert.ok(!process.env['CI'], 'there is no Chromium');
    return 'left out: there is no Chromium';
  }
  await world.agent('a');
  const { room, viewer } = await world.room();
  const server = createServer().listen(PORT, '127.0.0.1');
  const browser = await launchBrowser({ fps: 15 });
  try {
    const page = await browser.newPage();
    const dist = require.resolve('livekit-client').replace(/[^/]+$/, '');
    const files: Record<string, [string, string]> = {
      '/': ['text/html', PAGE],
      '/livekit-client.js': ['text/javascript', readFileSync(`${dist}livekit-client.umd.js`, 'utf8')],
      '/frame-metadata.mjs': ['text/javascript', readFileSync(`${dist}livekit-client.fm.worker.mjs`, 'utf8')],
    };
    server.on('request', ({ url = '' }, response) => {
      const [type, body] = files[url] ?? ['text/plain', ''];
      response.writeHead(200, { 'content-type': type }).end(body);
    });
    await page.goto(`${ORIGIN}/`);
    const errors: string[] = [];
    page.on('pageerror', ({ message }) => errors.push(message));
    const script = `window.join(${JSON.stringify(SERVER_URL)}, ${JSON.stringify(await roomToken(room, 'page'))})`;
    await page.evaluate(script);
    const look = () => page.evaluate('window.seen') as Promise<PageReport>;
    let seen = await look();
    await until(
      'depth in the page',
      async () => {
        seen = await look();
        return seen.packets >= ENOUGH && seen.identified >= ENOUGH;
      },
      { state: () => JSON.stringify({ seen, errors, viewer: viewer.packets('page') }) },
    );
    assert.equal(seen.magic, 'DC');
    assert.ok(seen.stamped >= seen.packets - 2, `packets without their picture's timestamp: ${JSON.stringify(seen)}`);
    assert.ok(seen.identified >= 0.9 * seen.shown - 2, `pictures without identity: ${JSON.stringify(seen)}`);
    return `${seen.identified} of ${seen.shown} shown pictures and ${seen.stamped} of ${seen.packets} packets named their picture`;
  } finally {
    await browser.close();
    server.close();
  }
}
