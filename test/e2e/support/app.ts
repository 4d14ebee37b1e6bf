import type { Logger } from 'pino';
import type { Browser } from 'playwright-core';
import { loadConfig } from '../../../src/config/load.ts';
import type { Config } from '../../../src/config/schema.ts';
import { type DepthServer, startServer } from '../../../src/server/server.ts';
import type { Session } from '../../../src/session/session.ts';
import { RtcPeer } from '../../../src/webrtc/index.ts';
import { sumMetric } from '../../support/load/metrics.ts';

/** Most tests look into a peer or stream of this thread. MEDIA_WORKERS=2 runs them with peers in media workers: those then fail. */
const MEDIA_WORKERS = Number(process.env['MEDIA_WORKERS'] ?? 0);

/** Settings of a server whose maps nobody looks at: they take two fifths of the work. */
export const SMALL_DEPTH = { 'depth.size': 160 };

/** A server of the test's own on a free port, from source, with the shipped settings but for `overrides`. */
export async function startApp(
  overrides: Record<string, unknown> = {},
  log?: Logger,
): Promise<DepthServer & { base: string }> {
  const config: Config = loadConfig({
    file: new URL('../../../config/depthcast.yaml', import.meta.url).pathname,
    // What a busy machine measures of itself must not decide about tests of something else.
    overrides: { 'server.port': 0, 'server.mediaWorkers': MEDIA_WORKERS, 'limits.utilisation': null, ...overrides },
  });
  const server = await startServer({ config, version: 'test', ...(log ? { log } : {}) });
  return Object.assign(server, { base: `http://127.0.0.1:${server.port}` });
}

/** The whole peer of a session of this thread. */
export function peerOf({ peer }: Session): RtcPeer {
  if (!(peer instanceof RtcPeer)) throw new Error('the peer lives in another thread');
  return peer;
}

/** The value of a metric of this server; the sum over its series that have all of `labels`. */
export async function metric(server: DepthServer, name: string, labels: Record<string, string> = {}): Promise<number> {
  const text = await server.context.metrics.text();
  if (!text.includes(`# TYPE ${name} `)) throw new Error(`there is no metric ${name}`);
  return sumMetric(text, name, labels);
}

/** Polls until `check` gives something truthy; a failed wait says what was waited for. */
export async function until<T>(what: string, check: () => T | Promise<T>, timeoutMs = 60_000): Promise<NonNullable<T>> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await check();
    if (value) return value;
    if (performance.now() > deadline) throw new Error(`${what} did not happen within ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Closes all pages and waits until their sessions have ended: what fails leaves none to the tests that follow. */
export async function endSessions(browser: Browser, server: DepthServer): Promise<void> {
  for (const context of browser.contexts()) await context.close();
  await until('sessions to end', () => server.context.registry.sessions.length === 0);
}
