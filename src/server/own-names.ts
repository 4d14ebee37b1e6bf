import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import type { Config } from '../config/schema.ts';
import type { Certificate } from './certificate.ts';

/** `host`, `host:port`, `[v6]:port` (RFC 9110 section 7.2). */
const AUTHORITY = /^(\[[0-9a-f:.]+\]|[\w.~-]+)(?::\d{0,5})?$/i;

/** The host of a Host header, lower case, without port and brackets; undefined where it is not valid. */
export function hostOf(authority: string): string | undefined {
  return AUTHORITY.exec(authority)?.[1]
    ?.toLowerCase()
    .replace(/^\[|\]$|\.$/g, '');
}

const isLoopback = (address: string) => address === '::1' || /^(::ffff:)?127\./.test(address);
const plain = (address: string | undefined) => address?.replace(/^::ffff:/, '').replace(/%.*$/, '');

/**
 * What the server is called: by its settings, its certificate, this machine's name and addresses. Not by the Host header of a
 * request, which any site can have its visitors' browsers send, by letting its name lead to the server's address.
 */
export class OwnNames {
  readonly #config: Pick<Config, 'server' | 'rtc'>;
  readonly #certificate: Certificate | undefined;
  #read: { pem: string; certificate: X509Certificate } | undefined;

  /** @param config read at each use: it may change while the server runs */
  constructor(config: Pick<Config, 'server' | 'rtc'>, certificate: Certificate | undefined) {
    this.#config = config;
    this.#certificate = certificate;
  }

  /** @param socketAddress ours, of the connection that the question came by */
  has(host: string, socketAddress: string | undefined): boolean {
    const { server, rtc } = this.#config;
    if (server.names.some((name) => name.toLowerCase() === host) || server.host.toLowerCase() === host) return true;
    return isIP(host) === 0 ? this.#isName(host) : this.#isAddress(host, plain(socketAddress), rtc.hostAddresses);
  }

  #isName(host: string): boolean {
    const machine = hostname().toLowerCase();
    if (['localhost', machine, `${machine.split('.')[0]}.local`].includes(host)) return true;
    return this.#x509()?.checkHost(host) !== undefined;
  }

  #isAddress(host: string, socketAddress: string | undefined, announced: readonly string[]): boolean {
    if (isLoopback(host) || host === socketAddress || announced.includes(host)) return true;
    if (this.#x509()?.checkIP(host) !== undefined) return true;
    return Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === host));
  }

  #x509(): X509Certificate | undefined {
    const pem = this.#certificate?.pem.cert;
    if (pem === undefined) return undefined;
    if (this.#read?.pem !== pem) this.#read = { pem, certificate: new X509Certificate(pem) };
    return this.#read.certificate;
  }
}
