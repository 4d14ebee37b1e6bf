import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

/** Debian's coturn: the path of its server, or undefined without one. */
export function findCoturn(): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin'];
  return folders.map((folder) => join(folder, 'turnserver')).find((path) => existsSync(path));
}

export interface Coturn {
  /** `turn:127.0.0.1:PORT` */
  url: string;
  /** Of its time-limited credentials. */
  secret: string;
  /** What it logged. */
  log(): string;
  close(): Promise<void>;
}

/** A TURN server on loopback that takes time-limited credentials and nothing else. */
export async function startCoturn(): Promise<Coturn> {
  const probe = createSocket('udp4');
  probe.bind(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  await new Promise<void>((resolve) => probe.close(resolve));
  const folder = mkdtempSync(join(tmpdir(), 'depthcast-coturn-'));
  const secret = 'a secret that coturn and the server share';
  const child = spawn(findCoturn()!, [
    ...['-n', '--no-cli', '--no-tls', '--no-dtls', '--verbose', '--log-file=stdout', '--simple-log'],
    ...['--listening-ip=127.0.0.1', '--relay-ip=127.0.0.1', '--allow-loopback-peers', `--listening-port=${port}`],
    ...['--realm=depthcast', '--use-auth-secret', `--static-auth-secret=${secret}`],
    ...[`--pidfile=${join(folder, 'pid')}`, `--userdb=${join(folder, 'db')}`],
  ]);
  let log = '';
  const ready = new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (text) => {
      log += String(text);
      if (/listener opened on/i.test(log)) resolve();
    });
    child.stderr.on('data', (text) => (log += String(text)));
    child.once('exit', (code) => reject(new Error(`coturn ended with ${code}:\n${log}`)));
    setTimeout(() => reject(new Error(`coturn did not start:\n${log}`)), 20_000).unref();
  });
  const gone = new Promise((resolve) => child.once('exit', resolve));
  const close = async () => {
    child.kill('SIGKILL');
    await gone;
    rmSync(folder, { recursive: true });
  };
  await ready.catch(async (thrown) => {
    await close();
    throw thrown;
  });
  return { url: `turn:127.0.0.1:${port}`, secret, log: () => log, close };
}
