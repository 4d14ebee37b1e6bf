import { type IncomingMessage, request } from 'node:http';

export interface Reply {
  status: number;
  headers: IncomingMessage['headers'];
  body: string;
  /** The balancer that answered. */
  base: string;
}

/** Longer than a busy machine takes to answer an offer: one that was given up may have been taken. */
const PATIENCE_MS = 15_000;

/** One request, from an address of the client's own as if it were a machine of its own, to the first balancer that answers. */
export async function ask(
  bases: readonly string[],
  path: string,
  options: { method: string; localAddress: string; headers?: Record<string, string>; body?: string },
): Promise<Reply> {
  let last: unknown;
  for (const base of bases)
    try {
      return await once(base, path, options);
    } catch (thrown) {
      last = thrown;
    }
  throw last;
}

function once(
  base: string,
  path: string,
  { method, localAddress, headers = {}, body }: Parameters<typeof ask>[2],
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const outgoing = request(base + path, { method, headers, localAddress, agent: false, timeout: PATIENCE_MS });
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer')));
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (piece: string) => {
        text += piece;
      });
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text, base }),
      );
    });
    outgoing.end(body);
  });
}
