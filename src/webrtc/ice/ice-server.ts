import type { ServerAddress } from './server-queries.ts';

export interface IceServer {
  /** `stun:host:port` or `turn:host:port`; our own agent asks the first of each kind, over UDP. */
  urls: string | string[];
  username?: string;
  credential?: string;
}

const DEFAULT_PORT = 3478;

/** RFC 7064 and RFC 7065: host, IPv6 in brackets, port, and for TURN a transport. */
function addressOf(scheme: 'stun' | 'turn', url: string): ServerAddress | undefined {
  const match = new RegExp(`^${scheme}:(\\[[^\\]]+\\]|[^:?]+)(?::(\\d+))?(?:\\?transport=(\\w+))?$`, 'i').exec(url);
  const [, host, port, transport = 'udp'] = match ?? [];
  if (host === undefined || transport.toLowerCase() !== 'udp') return undefined;
  return [host.replace(/^\[|\]$/g, ''), port === undefined ? DEFAULT_PORT : Number(port)];
}

const firstOf = (scheme: 'stun' | 'turn', { urls }: IceServer): ServerAddress | undefined =>
  [urls].flat().reduce<ServerAddress | undefined>((found, url) => found ?? addressOf(scheme, url), undefined);

export function stunServer(servers: readonly IceServer[]): ServerAddress | undefined {
  for (const server of servers) {
    const address = firstOf('stun', server);
    if (address) return address;
  }
  return undefined;
}

export function relayServer(
  servers: readonly IceServer[],
): { address: ServerAddress; username: string; password: string } | undefined {
  for (const server of servers) {
    const address = firstOf('turn', server);
    const { username, credential } = server;
    if (address && username !== undefined && credential !== undefined)
      return { address, username, password: credential };
  }
  return undefined;
}
