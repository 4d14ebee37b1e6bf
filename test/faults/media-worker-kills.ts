import { setTimeout as sleep } from 'node:timers/promises';
import { loadConfig } from '../../src/config/load.ts';
import type { MediaWorkers } from '../../src/media/media-workers.ts';
import { startServer } from '../../src/server/server.ts';
import { Fleet } from '../support/load/wrtc-fleet.ts';

const PATIENCE_MS = 60_000;
const POLL_MS = 50;
const VIDEO = { scene: 'room', width: 320, height: 240, fps: 10, data: 'u8', track: 'gray' } as const;

/**
 * Of two media workers, each with a two-way session of an independent WebRTC peer, one is ended again and again. Its peer has to be told and is
 * followed by the next; the other's stream may lose no frame.
 * @returns what went wrong, if anything did
 */
export async function killMediaWorkers(minutes: number, every: number): Promise<string | undefined> {
  const config = loadConfig({
    overrides: { 'server.port': 0, 'server.mediaWorkers': 2, 'log.level': 'silent', 'limits.utilisation': null },
  });
  const server = await startServer({ config, version: 'faults' });
  const peers = server.context.peers as MediaWorkers;
  const fleet = () => new Fleet({ ...VIDEO, url: `http://127.0.0.1:${server.port}`, peers: 1 });
  const steady = fleet();
  let victim: Fleet | undefined;
  try {
    await steady.flowing(PATIENCE_MS);
    const [stream] = server.context.registry.streams;
    const safe = peers.workers.findIndex(({ sessions }) => sessions > 0);
    /** A newer picture takes another's place wherever a machine is too busy for its network: no loss of the workers'. */
    const losses = () =>
      JSON.stringify([
        { ...stream!.stats.totals.dropped, newer: 0 },
        stream!.last.epoch,
        server.context.registry.sessions.find((session) => session.stream === stream)?.report().packets?.lost,
      ]);
    const before = losses();
    const began = performance.now();
    for (let kill = 1; performance.now() - began < minutes * 60_000; kill++) {
      victim = fleet();
      await victim.flowing(PATIENCE_MS);
      if (peers.workers.some(({ sessions }) => sessions !== 1)) return `before kill ${kill} both are in one worker`;
      await sleep(Math.max(0, began + kill * every * 1000 - performance.now()));
      const frames = stream!.frames;
      await peers.kill(1 - safe);
      const killedAt = performance.now();
      while (victim.last?.peers[0]?.errors.length === 0 || peers.workers.some(({ alive }) => !alive)) {
        if (performance.now() - killedAt > PATIENCE_MS)
          return `kill ${kill}: the peer was not told, or the worker not replaced`;
        await sleep(POLL_MS);
      }
      await victim.stop();
      const { arrived, depth, dropped } = stream!.stats.totals;
      const rss = process.memoryUsage.rss() / 2 ** 20;
      console.log(
        `kill ${kill}: told "${victim.last?.peers[0]?.errors[0]}", replaced after ${((performance.now() - killedAt) / 1000).toFixed(1)} s; ` +
          `the other stream made ${stream!.frames - frames} maps meanwhile, ${depth} of ${arrived} in all, ${dropped['newer'] ?? 0} overtaken by newer ones, RSS ${rss.toFixed(0)} MiB`,
      );
      if (stream!.closed || losses() !== before)
        return `kill ${kill}: the other stream lost frames: ${losses()} after ${before}`;
    }
    const { badPackets = 0, errors = [] } = steady.last?.peers[0] ?? {};
    return badPackets > 0 || errors.length > 0
      ? `the other peer: ${badPackets} bad packets, ${errors.join('; ')}`
      : undefined;
  } catch (thrown) {
    return (thrown as Error).message;
  } finally {
    await Promise.all([steady.stop(), victim?.stop()]);
    await server.close();
  }
}
