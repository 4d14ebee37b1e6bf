import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';

/** How long an answer waits for a STUN or TURN server; what comes later is still of use to the checks. */
const WAIT_MS = 400;
/** A server that let an answer wait in vain is not waited for again within this. */
const DISTRUST_MS = 60_000;
const NAME_TTL_MS = 60_000;

/** When each server that did not answer in time was last waited for, performance.now(). */
const silent = new Map<string, number>();
const names = new Map<string, { at: number; address: Promise<string> }>();

export type ServerAddress = readonly [host: string, port: number];

/**
 * Asks servers and waits for them for a bounded time.
 * @param queries of each server, by what names it; a query that fails counts as silence
 */
export async function askServers(queries: readonly { server: string; run: () => Promise<void> }[]): Promise<void> {
  const now = performance.now();
  const waited = new Set<string>();
  const pending = queries.map(async ({ server, run }) => {
    const trusted = now - (silent.get(server) ?? -Infinity) > DISTRUST_MS;
    if (trusted) waited.add(server);
    const answer = run().then(
      () => {
        silent.delete(server);
        waited.delete(server);
      },
      () => {
        silent.set(server, now);
      },
    );
    if (trusted) await answer;
  });
  if (waited.size === 0) return;
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise((resolve) => {
    timer = setTimeout(resolve, WAIT_MS);
  });
  await Promise.race([Promise.all(pending), timeout]);
  clearTimeout(timer);
  for (const server of waited) silent.set(server, now);
}

/** Numeric address; a name is looked up once a minute, since each look-up holds one of the few threads of the codecs. */
export async function resolveServer([host, port]: ServerAddress): Promise<ServerAddress> {
  if (isIP(host) !== 0) return [host, port];
  const now = performance.now();
  let known = names.get(host);
  if (known === undefined || now - known.at > NAME_TTL_MS) {
    known = { at: now, address: lookup(host, { family: 4 }).then(({ address }) => address) };
    // Whoever waits for it has its own copy of the rejection.
    known.address.catch(() => {});
    names.set(host, known);
  }
  return [await known.address, port];
}
