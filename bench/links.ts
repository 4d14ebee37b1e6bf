import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CLIP_FPS, writeClip } from '../test/interop/clips.ts';
import { Peer } from '../test/interop/peer-process.ts';
import { PEERS, type Session } from '../test/interop/peers.ts';
import type { Impairment } from '../test/support/impair/impairment.ts';
import { Network } from '../test/support/impair/network.ts';
import { ServerProcess } from '../test/support/load/server-process.ts';
import { printTable } from '../test/support/load/table.ts';

/** 80 ms each way, up to 40 more. */
const FAR: Impairment = { delayMs: 60, jitterMs: 40 };
const LINKS: Record<string, { up: Impairment; down: Impairment }> = {
  'no impairment': { up: {}, down: {} },
  '2 % loss, 80 ms': { up: { ...FAR, loss: 0.02 }, down: { ...FAR, loss: 0.02 } },
  '10 % loss, 80 ms': { up: { ...FAR, loss: 0.1 }, down: { ...FAR, loss: 0.1 } },
  '5 % reordered, 80 ms': { up: { ...FAR, reorder: 0.05 }, down: FAR },
  '500 kbit/s, 40 ms': { up: { delayMs: 40, bitrate: 500_000 }, down: { delayMs: 40 } },
  'MTU 1280': { up: { mtu: 1280 }, down: { mtu: 1280 } },
};
/** A Chromium that sends its fake camera, and a peer that plays a fixed clip whatever the feedback. */
const SENDERS = ['chromium', 'pion'] as const;
const MEASURED_SECONDS = 20;
const CONNECT_SECONDS = 30;
const POLL_MS = 40;
const SESSIONS = 100;
const AT_ONCE = 4;

/**
 * Depth maps that come of a publisher's frames over an impaired link, what Chromium shows of the gray track over one, and how many of
 * 100 sessions connect at 10 % loss.
 * @param only links whose name holds this; the sessions are then left out
 */
export async function benchLinks(only = ''): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'depthcast-links-'));
  const server = await ServerProcess.start({
    // Its metrics are asked for 25 times a second.
    overrides: { 'limits.utilisation': null, 'limits.requestsPerMinute': 1_000_000, 'log.level': 'error' },
  });
  try {
    await writeClip('vp8', join(folder, 'vp8.frames'));
    const senders = SENDERS.filter((name) => {
      try {
        PEERS[name].prepare();
        return true;
      } catch (thrown) {
        console.log(`  ${PEERS[name].title} is left out: ${(thrown as Error).message}`);
        return false;
      }
    });
    const rows: (string | number)[][] = [];
    const links = Object.entries(LINKS).filter(([name]) => name.includes(only));
    for (const [link, impairment] of links)
      for (const sender of senders) rows.push(await measure(server, sender, link, impairment, folder));
    printTable(
      `WHIP over an impaired link, 640x480 at ${CLIP_FPS} fps, VP8, ${MEASURED_SECONDS} s`,
      ['link', 'sender', 'connected, s', 'sent', 'depth', 'share', 'longest gap, s', 'NACK', 'PLI'],
      rows,
    );
    if (senders.length === SENDERS.length) await measureViewers(server, links, folder);
    if (senders.includes('pion') && only === '') await countConnections(server, folder);
  } finally {
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function publish(url: string, sender: (typeof SENDERS)[number], name: string, folder: string): Peer {
  const clipFile = join(folder, 'vp8.frames');
  const session: Session = { mode: 'whip', url, name, codec: 'vp8', clip: 'vp8', clipFile, options: [] };
  return new Peer(PEERS[sender], session);
}

/** What Chromium shows of the gray track behind an impaired link: of a stream whose publisher is near, and of its own camera. */
async function measureViewers(
  server: ServerProcess,
  links: [string, (typeof LINKS)[string]][],
  folder: string,
): Promise<void> {
  const publisher = publish(server.base, 'pion', 'links-near', folder);
  const rows: (string | number)[][] = [];
  try {
    while ((await server.metric('depthcast_frames_total', { outcome: 'depth' })) === 0) await sleep(POLL_MS);
    for (const [link, { up, down }] of links)
      for (const mode of ['whep', 'ws'] as const) {
        // The narrow path lies where the track passes.
        const narrow = up.bitrate !== undefined;
        const network = await Network.open({ server: server.base, up, down: narrow && mode === 'whep' ? up : down });
        rows.push([link, mode === 'whep' ? 'WHEP viewer' : '/ws, both ways', ...(await view(network, mode))]);
        await network.close();
      }
  } finally {
    await publisher.end();
    await settled(server);
  }
  printTable(
    `The gray track in Chromium over an impaired link, 640x480 at ${CLIP_FPS} fps, VP8, ${MEASURED_SECONDS} s`,
    ['link', 'peer', 'first picture, s', 'shown', 'share', 'longest gap, s', 'depth packets'],
    rows,
  );
}

async function view(network: Network, mode: 'whep' | 'ws'): Promise<(string | number)[]> {
  const name = mode === 'whep' ? 'links-near' : 'links-own';
  const options = mode === 'whep' ? ['data' as const] : [];
  const session: Session = { mode, url: network.url, name, codec: 'vp8', clip: 'vp8', clipFile: '', options };
  const startedAt = performance.now();
  const peer = new Peer(PEERS.chromium, session);
  try {
    while (peer.counts.track < CLIP_FPS) {
      if (peer.counts.error !== undefined || (performance.now() - startedAt) / 1000 > CONNECT_SECONDS)
        return ['never', peer.counts.track, 0, '-', peer.counts.depth];
      await sleep(POLL_MS);
    }
    const connected = (performance.now() - startedAt) / 1000 - 1;
    const { track, depth } = peer.counts;
    peer.longestGap = 0;
    await sleep(1000 * MEASURED_SECONDS);
    const shown = peer.counts.track - track;
    const share = shown / (CLIP_FPS * MEASURED_SECONDS);
    return [connected, shown, share, peer.longestGap / 1000, options.length > 0 ? peer.counts.depth - depth : '-'];
  } finally {
    await peer.end();
  }
}

async function measure(
  server: ServerProcess,
  sender: (typeof SENDERS)[number],
  link: string,
  impairment: { up: Impairment; down: Impairment },
  folder: string,
): Promise<(string | number)[]> {
  const network = await Network.open({ server: server.base, ...impairment });
  const startedAt = performance.now();
  const peer = publish(network.url, sender, `links-${sender}`, folder);
  try {
    const made = () => server.metric('depthcast_frames_total', { outcome: 'depth' });
    const before = await made();
    while ((await made()) === before) {
      if (peer.counts.error !== undefined || (performance.now() - startedAt) / 1000 > CONNECT_SECONDS)
        return [link, sender, 'never', peer.counts.sent, 0, 0, '-', '-', '-'];
      await sleep(POLL_MS);
    }
    const connected = (performance.now() - startedAt) / 1000;
    const events = (event: string) => server.metric('depthcast_rtp_events_total', { event });
    const first = {
      made: await made(),
      sent: peer.counts.sent,
      nack: await events('nack_sent'),
      pli: await events('pli_sent'),
    };
    let [last, lastAt, longest] = [first.made, performance.now(), 0];
    const end = lastAt + 1000 * MEASURED_SECONDS;
    while (performance.now() < end) {
      await sleep(POLL_MS);
      const now = await made();
      longest = Math.max(longest, performance.now() - lastAt);
      if (now > last) [last, lastAt] = [now, performance.now()];
    }
    const [depth, sent] = [last - first.made, peer.counts.sent - first.sent];
    const repair = [(await events('nack_sent')) - first.nack, (await events('pli_sent')) - first.pli];
    // Against the camera's rate: an encoder that has to drop frames itself has lost them all the same.
    const share = depth / (CLIP_FPS * MEASURED_SECONDS);
    return [link, sender, connected, sent, depth, share, longest / 1000, ...repair];
  } finally {
    await peer.end();
    await network.close();
    await settled(server);
  }
}

/** A few at a time, since each is a process; what counts is whether depth comes, not when. */
async function countConnections(server: ServerProcess, folder: string): Promise<void> {
  const impairment = LINKS['10 % loss, 80 ms']!;
  const network = await Network.open({ server: server.base, ...impairment });
  let connected = 0;
  try {
    for (let n = 0; n < SESSIONS; n += AT_ONCE) {
      const peers = Array.from({ length: AT_ONCE }, (_, i) => publish(network.url, 'pion', `connect-${n + i}`, folder));
      const deadline = performance.now() + 1000 * CONNECT_SECONDS;
      const waiting = () => peers.some(({ counts, exited }) => !counts.connected && !exited);
      while (waiting() && performance.now() < deadline) await sleep(POLL_MS);
      connected += peers.filter(({ counts }) => counts.connected).length;
      await Promise.all(peers.map((peer) => peer.end()));
    }
  } finally {
    await network.close();
  }
  console.log(`\n  At 10 % loss and 80 ms each way, ${connected} of ${SESSIONS} sessions of pion connected`);
}

async function settled(server: ServerProcess): Promise<void> {
  const deadline = performance.now() + 1000 * CONNECT_SECONDS;
  while ((await server.metric('depthcast_sessions')) > 0 && performance.now() < deadline) await sleep(100);
}
