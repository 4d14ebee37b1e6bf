import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SignJWT } from 'jose';

const VERSION = '1.13.5';
const MODULE = `github.com/livekit/livekit-server/cmd/server@v${VERSION}`;
const FOLDER = join(
  process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'),
  'depthcast',
  `livekit-server-${VERSION}`,
);
const PROGRAM = join(FOLDER, 'server');
/** Of the network namespace in which everything runs. */
const PORT = 7880;
export const SERVER_URL = `ws://127.0.0.1:${PORT}`;
export const CREDENTIALS = { apiKey: 'testkey', apiSecret: 'a secret of the test that is long enough' };

/** Builds the server unless that was done before: about three minutes. @returns why there is none */
export function ensureServer(): string | undefined {
  if (existsSync(PROGRAM)) return undefined;
  if (spawnSync('go', ['version']).error) return 'go is missing, which builds livekit-server';
  console.log(`building livekit-server ${VERSION} (once; about three minutes on two cores)`);
  mkdirSync(FOLDER, { recursive: true });
  const { status } = spawnSync('go', ['install', MODULE], { env: { ...process.env, GOBIN: FOLDER }, stdio: 'inherit' });
  return status === 0 && existsSync(PROGRAM) ? undefined : `go install ${MODULE} failed`;
}

/** The server keeps its media on loopback; libwebrtc's peers come from the namespace's bridge. */
const SETTINGS = `port: ${PORT}
bind_addresses: [127.0.0.1]
keys: { ${CREDENTIALS.apiKey}: "${CREDENTIALS.apiSecret}" }
logging: { level: warn, json: false }
rtc:
  tcp_port: 7881
  udp_port: 7882
  use_external_ip: false
  node_ip: 127.0.0.1
  enable_loopback_candidate: true
  interfaces: { includes: [lo] }
`;

/** A real livekit-server. */
export class LivekitServer {
  readonly #child: ChildProcess;

  private constructor(settings: string) {
    this.#child = spawn(PROGRAM, ['--config', settings], { stdio: ['ignore', 'ignore', 'ignore'] });
  }

  static async start(folder: string): Promise<LivekitServer> {
    const settings = join(folder, 'livekit.yaml');
    writeFileSync(settings, SETTINGS);
    const server = new LivekitServer(settings);
    for (let tries = 0; tries < 1200; tries++) {
      if (server.#child.exitCode !== null) throw new Error(`livekit-server ended with ${server.#child.exitCode}`);
      const response = await fetch(`http://127.0.0.1:${PORT}/`).catch(() => undefined);
      if (response?.ok) return server;
      await sleep(50);
    }
    await server.kill();
    throw new Error('livekit-server does not start');
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await gone;
  }
}

/** A participant's token. */
export function roomToken(room: string, identity: string, attributes: Record<string, string> = {}): Promise<string> {
  return new SignJWT({ video: { roomJoin: true, room, canUpdateOwnMetadata: true }, attributes, name: identity })
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuer(CREDENTIALS.apiKey)
    .setSubject(identity)
    .setExpirationTime('1h')
    .sign(new TextEncoder().encode(CREDENTIALS.apiSecret));
}
