import { BlockList, isIP, isIPv4 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { bytesOfAddress, textOfAddress } from './address.ts';

/** Which addresses that a peer names may be sent connectivity checks. */
export interface PeerAddressRules {
  /** Ports below are nobody's who speaks WebRTC. */
  minPort: number;
  /** Private networks: always, only where the client itself came from a private or local address, or never. */
  privateAddresses: 'always' | 'local' | 'never';
  /** CIDR networks that are allowed whatever else would forbid them, but for multicast and broadcast. */
  allow: readonly string[];
  /** CIDR networks that are forbidden. */
  deny: readonly string[];
}

function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', prefix] = network.split('/');
    const family = isIPv4(address) ? 'ipv4' : 'ipv6';
    list.addSubnet(address, Number(prefix ?? (family === 'ipv4' ? 32 : 128)), family);
  }
  return list;
}

/** Nobody's own address: this network, multicast, reserved with broadcast (RFC 6890). */
const NEVER = listOf(['0.0.0.0/8', '224.0.0.0/4', '240.0.0.0/4', '::/128', 'ff00::/8']);
const LOOPBACK = listOf(['127.0.0.0/8', '::1/128']);
const LINK_LOCAL = listOf(['169.254.0.0/16', 'fe80::/10']);
/** RFC 1918, RFC 6598, RFC 2544, RFC 4193; fec0::/10 is what came before it. */
const PRIVATE = listOf([
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  '198.18.0.0/15',
  'fc00::/7',
  'fec0::/10',
]);
/** Addresses of IPv6 that stand for one of IPv4: where in them it stands (RFC 4291, RFC 6052, RFC 3056). */
const EMBEDDED: readonly [BlockList, at: number][] = [
  [listOf(['::/96', '::ffff:0:0/96', '64:ff9b::/96']), 12],
  [listOf(['2002::/16']), 2],
];

const isIn = (list: BlockList, address: string): boolean => list.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');

/** The address that is meant in the end: IPv4 where an IPv6 address only wraps it. */
function meant(address: string): string {
  if (isIPv4(address) || isIn(LOOPBACK, address)) return address;
  for (const [list, at] of EMBEDDED)
    if (isIn(list, address)) return textOfAddress(bytesOfAddress(address).subarray(at, at + 4));
  return address;
}

/** The rules as they stand for one client. */
export class PeerAddresses {
  readonly #rules: PeerAddressRules;
  readonly #allow: BlockList;
  readonly #deny: BlockList;
  /** The client is on this machine; on its link or on this machine; on any network of its own. */
  readonly #here: boolean;
  readonly #near: boolean;
  readonly #inside: boolean;
  readonly #broadcasts = new Set<string>();

  /** @param client address that the signalling request came from; undefined where it is not known */
  constructor(rules: PeerAddressRules, client: string | undefined) {
    this.#rules = rules;
    this.#allow = listOf(rules.allow);
    this.#deny = listOf(rules.deny);
    const own = new Set<string>();
    for (const { address, netmask } of Object.values(networkInterfaces()).flatMap((list) => list ?? [])) {
      own.add(address);
      if (isIPv4(address)) this.#broadcasts.add(broadcastOf(address, netmask));
    }
    const from = client === undefined || isIP(client.split('%')[0]!) === 0 ? undefined : meant(client.split('%')[0]!);
    this.#here = from !== undefined && (isIn(LOOPBACK, from) || own.has(from));
    this.#near = this.#here || (from !== undefined && isIn(LINK_LOCAL, from));
    this.#inside = this.#near || (from !== undefined && isIn(PRIVATE, from));
  }

  /** Whether checks may go there because the peer says so. */
  mayCheck(address: string, port: number): boolean {
    return this.mayReach(address) && (port >= this.#rules.minPort || isIn(this.#allow, meant(address)));
  }

  /** Whether the address is one to send to at all, on whatever port. */
  mayReach(address: string): boolean {
    const target = meant(address);
    if (isIn(NEVER, target) || this.#broadcasts.has(target)) return false;
    if (isIn(this.#allow, target)) return true;
    if (isIn(this.#deny, target)) return false;
    if (isIn(LOOPBACK, target)) return this.#here;
    if (isIn(LINK_LOCAL, target)) return this.#near;
    const { privateAddresses } = this.#rules;
    if (isIn(PRIVATE, target)) return privateAddresses === 'always' || (privateAddresses === 'local' && this.#inside);
    return true;
  }

  /**
   * Whether a check that came from there may be answered with one of ours: its sender has proved that it knows the
   * session's password, so that only what is nobody's address, or forbidden by name, stays out.
   */
  mayAnswer(address: string, port: number): boolean {
    const target = meant(address);
    if (isIn(NEVER, target) || this.#broadcasts.has(target)) return false;
    if (isIn(this.#allow, target)) return true;
    return !isIn(this.#deny, target) && port >= this.#rules.minPort;
  }
}

/** The last address of an interface's network, which reaches all hosts there. */
function broadcastOf(address: string, netmask: string): string {
  const mask = bytesOfAddress(netmask);
  // A host of its own, as on a tunnel, has none.
  if (mask[3]! >= 254) return '255.255.255.255';
  return textOfAddress(bytesOfAddress(address).map((byte, i) => byte | (~mask[i]! & 255)));
}
