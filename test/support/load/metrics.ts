/** What a server's /metrics tell of its load. */
export interface Scrape {
  cpuSeconds: number;
  rssBytes: number;
  eventLoopLagP99: number;
  frames: Record<'depth' | 'dropped' | 'undecodable' | 'failed', number>;
  sessions: number;
  workerRestarts: number;
}

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/;

/** Samples of the Prometheus text format, version 0.0.4: name, label text, value. */
export function parseMetrics(text: string): { name: string; labels: string; value: number }[] {
  return text.split('\n').flatMap((line) => {
    const match = line.startsWith('#') ? null : LINE.exec(line);
    return match ? [{ name: match[1]!, labels: match[2] ?? '', value: Number(match[3]) }] : [];
  });
}

/** The sum of a metric's series that carry all of `labels`; 0 of none. */
export function sumMetric(text: string, name: string, labels: Record<string, string> = {}): number {
  const wanted = Object.entries(labels).map(([key, value]) => `${key}="${value}"`);
  return parseMetrics(text)
    .filter((sample) => sample.name === name && wanted.every((label) => sample.labels.includes(label)))
    .reduce((total, { value }) => total + value, 0);
}

export function readScrape(text: string): Scrape {
  const sum = (name: string, labels?: Record<string, string>) => sumMetric(text, name, labels);
  const frames = (outcome: string) => sum('depthcast_frames_total', { outcome });
  return {
    cpuSeconds: sum('process_cpu_seconds_total'),
    rssBytes: sum('process_resident_memory_bytes'),
    eventLoopLagP99: sum('nodejs_eventloop_lag_p99_seconds'),
    frames: {
      depth: frames('depth'),
      dropped: frames('dropped'),
      undecodable: frames('undecodable'),
      failed: frames('failed'),
    },
    sessions: sum('depthcast_sessions'),
    workerRestarts: sum('depthcast_depth_worker_restarts_total'),
  };
}

/** undefined where the server has no such page or is too busy to answer in a second. */
export async function scrape(url: string, token: string | undefined): Promise<Scrape | undefined> {
  try {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(`${url}/metrics`, { headers, signal: AbortSignal.timeout(1000) });
    return response.ok ? readScrape(await response.text()) : undefined;
  } catch {
    return undefined;
  }
}
