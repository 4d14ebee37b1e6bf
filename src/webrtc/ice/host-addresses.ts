import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { normalAddress } from './address.ts';

const MAX_ADDRESSES = 16;

/** Addresses to open a socket for: those asked for first, then those of the interfaces. */
export function hostAddresses(extra: readonly string[]): string[] {
  const own = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ internal }) => !internal)
    .map(({ address }) => address)
    .filter((address) => !/^(fe80:|169\.254\.)/i.test(address));
  const asked = extra.filter((address) => isIP(address) !== 0).map(normalAddress);
  const all = [...new Set([...asked, ...own])];
  return (all.length > 0 ? all : ['127.0.0.1']).slice(0, MAX_ADDRESSES);
}
