import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Config } from '../../config/schema.ts';
import { type Finding, inArea } from './finding.ts';

const { ok, warn, fail } = inArea('network');
/** What the server asks for on every media port; see webrtc/udp-port.ts. */
const WANTED_BUFFER = 1 << 20;
/** Ports of a range that are tried. */
const MAX_TRIES = 256;

/** Whether the page and signalling can listen where the settings say. */
export async function httpPort({ server }: Config): Promise<Finding[]> {
  const { host, port } = server;
  const at = `${host}:${port}`;
  try {
    await listen(host, port);
    return [ok('HTTP port', port === 0 ? `${host}, any free port` : `${at} is free`)];
  } catch (thrown) {
    const { code, message } = thrown as NodeJS.ErrnoException;
    const advice = {
      EADDRINUSE: 'another program, or another depthcast, listens there: stop it, or choose another with --port',
      EACCES: 'ports below 1024 need rights: choose another with --port, or put a proxy before it',
      EADDRNOTAVAIL: 'no interface of this machine has that address: set server.host to one that has, or to 0.0.0.0',
    }[code ?? ''];
    return [fail('HTTP port', `${at} cannot be listened on: ${message}`, advice ?? 'set server.host and server.port')];
  }
}

/** Media ports, and that a packet sent on this machine arrives. */
export async function mediaPorts({ rtc, limits }: Config): Promise<Finding[]> {
  const findings: Finding[] = [];
  const range = rtc.portRange;
  if (range) {
    const [from, to] = range;
    const count = to - from + 1;
    const tried = Math.min(count, MAX_TRIES);
    let free = 0;
    for (let port = from; port < from + tried; port++) if (await canBind(port)) free++;
    const text = `UDP ${from} to ${to}: ${free} of ${tried}${tried < count ? ' that were tried' : ''} are free`;
    const advice = 'widen rtc.portRange, or end what holds its ports; each peer takes one';
    if (free === 0) findings.push(fail('media ports', text, advice));
    else if (free < Math.min(tried, limits.streams))
      findings.push(warn('media ports', `${text}; limits.streams is ${limits.streams}`, advice));
    else findings.push(ok('media ports', text));
  } else if (await canBind(0)) findings.push(ok('media ports', 'UDP, any that the system gives'));
  else
    findings.push(
      fail('media ports', 'no UDP port can be bound', 'a sandbox or a security policy forbids it: allow UDP sockets'),
    );
  findings.push(
    (await loopback())
      ? ok('UDP here', 'a packet to this machine arrives')
      : warn(
          'UDP here',
          'a packet to this machine did not arrive',
          'a firewall drops UDP on the loopback: allow it, or no peer will connect',
        ),
  );
  const outside = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ internal }) => !internal)
    .map(({ address }) => address);
  findings.push(
    ok('addresses', outside.length > 0 ? outside.join(', ') : 'this machine alone; others cannot reach it'),
  );
  return findings;
}

/** What the system grants of the receive buffer that media ports ask for. */
export async function udpBuffers(): Promise<Finding[]> {
  const socket = await bound(0);
  try {
    socket.setRecvBufferSize(WANTED_BUFFER);
  } catch {
    // Whatever is granted is read below.
  }
  // Linux tells twice of what it took, for its own bookkeeping (socket(7), SO_RCVBUF).
  const granted = socket.getRecvBufferSize() / (process.platform === 'linux' ? 2 : 1);
  const most = limit('rmem_max');
  await closed(socket);
  const text = `${Math.round(granted / 1024)} KiB to receive${most === undefined ? '' : ` (net.core.rmem_max ${most})`}`;
  if (granted >= WANTED_BUFFER) return [ok('UDP buffers', text)];
  const setting = process.platform === 'darwin' ? 'kern.ipc.maxsockbuf=4194304' : 'net.core.rmem_max=1048576';
  return [warn('UDP buffers', text, `a burst of packets may be lost: sudo sysctl -w ${setting}`)];
}

function limit(name: string): number | undefined {
  try {
    return Number(readFileSync(`/proc/sys/net/core/${name}`, 'utf8'));
  } catch {
    return undefined;
  }
}

function listen(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve()));
  });
}

function bound(port: number, address?: string): Promise<ReturnType<typeof createSocket>> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    socket.once('error', (error) => {
      socket.close();
      reject(error);
    });
    socket.bind({ port, exclusive: true, ...(address !== undefined && { address }) }, () => resolve(socket));
  });
}

const closed = (socket: ReturnType<typeof createSocket>) =>
  new Promise<void>((resolve) => socket.close(() => resolve()));

async function canBind(port: number): Promise<boolean> {
  try {
    await closed(await bound(port));
    return true;
  } catch {
    return false;
  }
}

async function loopback(): Promise<boolean> {
  const socket = await bound(0, '127.0.0.1');
  try {
    return await new Promise<boolean>((resolve) => {
      setTimeout(() => resolve(false), 1000).unref();
      socket.once('message', () => resolve(true));
      socket.once('error', () => resolve(false));
      socket.send('depthcast', socket.address().port, '127.0.0.1', (error) => {
        if (error) resolve(false);
      });
    });
  } finally {
    await closed(socket);
  }
}
