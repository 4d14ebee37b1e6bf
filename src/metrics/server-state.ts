import { Gauge, type Registry } from 'prom-client';

/** What a server is doing at the moment of a scrape. */
export interface ServerState {
  ready: boolean;
  /** A place and workers' time are left for one more stream. */
  accepting: boolean;
  streams: number;
  /** Streams that may publish at once. */
  streamsLimit: number;
  workersAlive: number;
  workersRestarting: number;
  /** Depth workers of the default model that the machine carries. */
  workersLimit: number;
  /** Of the depth workers' time, asked for by the streams: 1 when every picture just gets its depth. */
  utilisation: number;
  /** Threads that peers live in; absent where there can be none. */
  mediaWorkers?: readonly { number: number; alive: boolean; starting: boolean; utilisation: number }[];
}

/** Exports what `read` says at each scrape: a gauge that is read then cannot drift from the truth. */
export function exportState(registry: Registry, read: () => ServerState): void {
  const registers = [registry];
  const gauge = (name: string, help: string, value: (state: ServerState) => number) =>
    new Gauge({
      name: `depthcast_${name}`,
      help,
      registers,
      collect() {
        this.set(value(read()));
      },
    });
  gauge('ready', '1 while a new session would be taken, as /readyz says', ({ ready }) => (ready ? 1 : 0));
  gauge('accepting', "1 while a place and workers' time are left for one more stream", ({ accepting }) =>
    accepting ? 1 : 0,
  );
  gauge('streams', 'Streams that hold a place, synthetic scenes included', ({ streams }) => streams);
  gauge('streams_limit', 'Streams that may publish at once', ({ streamsLimit }) => streamsLimit);
  gauge('depth_workers_limit', 'Depth workers of the default model that the machine carries', (s) => s.workersLimit);
  gauge(
    'depth_utilisation_ratio',
    'Time that streams ask of the depth workers over what these have; above 1 pictures are dropped',
    ({ utilisation }) => utilisation,
  );
  new Gauge({
    name: 'depthcast_depth_workers',
    help: 'Depth workers that are loaded',
    labelNames: ['state'],
    registers,
    collect() {
      const { workersAlive, workersRestarting } = read();
      this.set({ state: 'alive' }, workersAlive);
      this.set({ state: 'restarting' }, workersRestarting);
    },
  });
  new Gauge({
    name: 'depthcast_media_workers',
    help: 'Media workers by state; none where peers live on the main thread',
    labelNames: ['state'],
    registers,
    collect() {
      const { mediaWorkers = [] } = read();
      const alive = mediaWorkers.filter((worker) => worker.alive).length;
      const starting = mediaWorkers.filter((worker) => worker.starting).length;
      this.set({ state: 'alive' }, alive);
      this.set({ state: 'starting' }, starting);
      this.set({ state: 'restarting' }, mediaWorkers.length - alive - starting);
    },
  });
  new Gauge({
    name: 'depthcast_media_worker_utilisation_ratio',
    help: 'Share of the last second in which the thread of a media worker was at work',
    labelNames: ['worker'],
    registers,
    collect() {
      // There may be fewer than at the last scrape.
      this.reset();
      for (const { number, utilisation } of read().mediaWorkers ?? []) this.set({ worker: number }, utilisation);
    },
  });
}
