import { networkInterfaces } from 'node:os';

/** This machine's addresses on its networks: no loopback, no link-local ones. IPv4 first. */
export function lanAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ internal, address }) => !internal && !/^(fe80:|169\.254\.)/i.test(address))
    .sort((a, b) => a.family.localeCompare(b.family))
    .map(({ address }) => address);
}

const WILDCARDS = ['0.0.0.0', '::'];

/** Where a browser on this machine finds the server, and then, if it listens there, one on the network. */
export function pageUrls(scheme: 'http' | 'https', host: string, port: number): { local: string; network: string[] } {
  const url = (name: string) => `${scheme}://${name.includes(':') ? `[${name}]` : name}:${port}`;
  const wild = WILDCARDS.includes(host);
  const loopback = ['127.0.0.1', '::1', 'localhost'].includes(host);
  const addresses = lanAddresses().filter((address) => host === '::' || !address.includes(':'));
  return {
    local: url(wild || host === '127.0.0.1' ? 'localhost' : host),
    network: wild ? addresses.map(url) : loopback ? [] : [url(host)],
  };
}
