import { isIPv4, SocketAddress } from 'node:net';

/** The one spelling of an IP address that sockets report, so that two can be compared. @param address a valid one */
export function normalAddress(address: string): string {
  return isIPv4(address) ? address : new SocketAddress({ address, family: 'ipv6' }).address;
}

/** Four bytes of an IPv4 address, sixteen of an IPv6 address. */
export function bytesOfAddress(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  // An IPv4 address in its last four bytes, as in ::ffff:192.0.2.1.
  const plain = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...parts: string[]) => {
    const [a, b, c, d] = parts.slice(0, 4).map(Number) as [number, number, number, number];
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  });
  const [head = '', tail] = plain.split('%')[0]!.split('::');
  const groups = (part: string) => part.split(':').filter((group) => group !== '');
  const [first, last] = [groups(head), groups(tail ?? '')];
  const bytes = Buffer.alloc(16);
  first.forEach((group, i) => {
    bytes.writeUInt16BE(Number.parseInt(group, 16), 2 * i);
  });
  last.forEach((group, i) => {
    bytes.writeUInt16BE(Number.parseInt(group, 16), 16 - 2 * (last.length - i));
  });
  return bytes;
}

export function textOfAddress(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i]! << 8) | bytes[2 * i + 1]!).toString(16));
  return normalAddress(groups.join(':'));
}

/** `host:port`, an IPv6 address in brackets. */
export const endpoint = (address: string, port: number): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
