import { loadConfig } from '../src/config/load.ts';
import { startServer } from '../src/server/server.ts';
import { printTable } from '../test/support/load/table.ts';
import { Fleet } from '../test/support/load/wrtc-fleet.ts';
import { runLive } from './live.ts';

const MB = 1 << 20;
const rss = () => process.memoryUsage().rss / MB;

/** Memory of a server with one live stream: flat means no more after ten minutes than after two. */
export async function benchSoak(minutes: number): Promise<void> {
  const readings: number[] = [];
  await runLive(
    { scene: 'room', width: 640, height: 480, data: 'u16', track: 'gray', peers: 1, fps: 30 },
    minutes * 60,
    {},
    (second) => {
      if (second % 30 === 0) readings.push(rss());
    },
  );
  const at = (minute: number) => readings[Math.min(readings.length, minute * 2) - 1] ?? Number.NaN;
  printTable(
    `Memory over ${minutes} minutes, one stream (goal: last within 5 % of minute 2)`,
    ['minute', 'RSS, MiB', 'of minute 2'],
    Array.from({ length: minutes }, (_, i) => [`${i + 1}`, at(i + 1), `${((100 * at(i + 1)) / at(2)).toFixed(1)} %`]),
  );
}

/** Handles, ports and memory over many connections, each of which got depth before it was closed. */
export async function benchCycles(cycles: number): Promise<void> {
  const config = loadConfig({
    file: 'config/depthcast.yaml',
    // Handles are counted on this thread.
    overrides: { 'server.port': 0, 'server.mediaWorkers': 0, 'limits.utilisation': null },
  });
  const server = await startServer({ config, version: 'bench' });
  const url = `http://127.0.0.1:${server.port}`;
  const batch = 4;
  const idle = () => new Promise((resolve) => setTimeout(resolve, 1500));
  const handles = () => process.getActiveResourcesInfo().length;
  const rows: (string | number)[][] = [];
  for (let done = 0; done < cycles; ) {
    const fleet = new Fleet({
      url,
      peers: batch,
      scene: 'static',
      width: 320,
      height: 240,
      fps: 10,
      data: 'u8',
      track: 'gray',
    });
    await fleet.flowing(30_000);
    await fleet.stop();
    done += batch;
    if (done % 40 !== 0 && done !== 2 * batch) continue;
    await idle();
    rows.push([`${done}`, rss(), handles(), server.context.registry.sessions.length]);
  }
  printTable(
    `${cycles} connections opened and closed (goal: no handles left, RSS < +30 MB)`,
    ['connections', 'RSS, MiB', 'handles', 'sessions'],
    rows,
  );
  await server.close();
}
