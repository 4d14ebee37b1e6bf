import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { homedir, hostname } from 'node:os';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { generate } from 'selfsigned';
import { writeFileAtomically } from '../atomic-file.ts';
import type { Config } from '../config/schema.ts';
import { DepthcastError } from '../errors.ts';
import { makeFolder } from '../make-folder.ts';
import { lanAddresses } from './lan.ts';

const DAY_MS = 86_400_000;
/** Browsers refuse long-lived ones; a phone has to accept each new one by hand. */
const VALID_DAYS = 180;
const RENEW_DAYS = 14;
/** How often a running server looks for files that were renewed, and at its own certificate's age. */
const CHECK_MS = 3_600_000;

export interface Pem {
  cert: string;
  key: string;
}

/** The server's TLS certificate: files of the operator's, or one that is made here and kept in the cache folder. */
export class Certificate {
  pem: Pem;
  readonly #watchers: ((pem: Pem) => void)[] = [];
  readonly generated: boolean;
  readonly #load: () => Promise<Pem>;
  readonly #log: Logger;
  readonly #timer: NodeJS.Timeout;

  /**
   * @param folder where a generated one is kept; the user's cache folder by default
   * @returns undefined where the settings ask for plain http
   * @throws DepthcastError BAD_CONFIG
   */
  static async open(
    { cert, key, generate }: Config['tls'],
    log: Logger,
    folder = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'depthcast', 'tls'),
  ): Promise<Certificate | undefined> {
    if (cert !== null && key !== null) {
      const load = async () => readFiles(cert, key);
      return new Certificate(await load(), { generated: false, load, log });
    }
    if (cert !== null || key !== null)
      throw new DepthcastError('BAD_CONFIG', { detail: 'tls.cert and tls.key belong together' });
    if (!generate) return undefined;
    const load = () => keptOrNew(join(folder, 'server.pem'), log);
    return new Certificate(await load(), { generated: true, load, log });
  }

  private constructor(pem: Pem, o: { generated: boolean; load: () => Promise<Pem>; log: Logger }) {
    this.pem = pem;
    this.generated = o.generated;
    this.#load = o.load;
    this.#log = o.log;
    this.#timer = setInterval(() => void this.refresh(), CHECK_MS).unref();
  }

  /** SHA-256, as browsers show it. */
  get fingerprint(): string {
    return new X509Certificate(this.pem.cert).fingerprint256;
  }

  /** Calls with every renewed one. */
  onChange(watcher: (pem: Pem) => void): void {
    this.#watchers.push(watcher);
  }

  /** Looks again; a certificate that cannot be read leaves the present one in force. */
  async refresh(): Promise<void> {
    try {
      const next = await this.#load();
      if (next.cert === this.pem.cert && next.key === this.pem.key) return;
      this.pem = next;
      for (const watcher of this.#watchers) watcher(next);
      this.#log.info({ fingerprint: this.fingerprint }, 'TLS certificate renewed');
    } catch (thrown) {
      this.#log.error({ err: thrown }, 'the TLS certificate cannot be renewed');
    }
  }

  close(): void {
    clearInterval(this.#timer);
  }
}

function readFiles(certFile: string, keyFile: string): Pem {
  try {
    return check({ cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') });
  } catch (thrown) {
    throw new DepthcastError('BAD_CONFIG', { detail: `tls: ${(thrown as Error).message}`, cause: thrown });
  }
}

/** @throws what does not fit */
function check(pem: Pem): Pem {
  const certificate = new X509Certificate(pem.cert);
  if (!certificate.checkPrivateKey(createPrivateKey(pem.key)))
    throw new Error('the key is not that of the certificate');
  return pem;
}

/** The kept certificate while it is good for some time and for every address of this machine; otherwise a new one. */
async function keptOrNew(file: string, log: Logger): Promise<Pem> {
  const names = ['localhost', ...new Set([hostname(), `${hostname().split('.')[0]}.local`])];
  const addresses = ['127.0.0.1', '::1', ...lanAddresses()];
  if (existsSync(file)) {
    try {
      const text = readFileSync(file, 'utf8');
      const pem = check({ cert: text, key: text });
      const certificate = new X509Certificate(pem.cert);
      const fresh = Date.parse(certificate.validTo) - Date.now() > RENEW_DAYS * DAY_MS;
      const complete = addresses.every((address) => certificate.checkIP(address) !== undefined);
      if (fresh && complete && (statSync(file).mode & 0o077) === 0) return pem;
    } catch (thrown) {
      log.warn({ file, err: thrown }, 'the kept TLS certificate cannot be used; making another');
    }
  }
  const made = await make(names, addresses);
  const text = made.cert + made.key;
  try {
    await makeFolder(join(file, '..'), 0o700);
    await writeFileAtomically(file, text, { mode: 0o600 });
  } catch (thrown) {
    log.warn({ file, err: thrown }, 'the TLS certificate cannot be kept; the next start makes another');
  }
  return { cert: text, key: text };
}

async function make(names: string[], addresses: string[]): Promise<Pem> {
  const made = await generate([{ name: 'commonName', value: 'depthcast' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    // Clocks of phones may be behind.
    notBeforeDate: new Date(Date.now() - DAY_MS),
    notAfterDate: new Date(Date.now() + VALID_DAYS * DAY_MS),
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          ...names.map((value) => ({ type: 2 as const, value })),
          ...addresses.map((ip) => ({ type: 7 as const, ip })),
        ],
      },
    ],
  });
  return { cert: made.cert.trimEnd().concat('\n'), key: made.private.trimEnd().concat('\n') };
}
