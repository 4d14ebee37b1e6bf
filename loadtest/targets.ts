import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { DepthcastError } from '../src/errors.ts';
import type { CodeReading, ServerSetup } from '../test/support/load/server-child.ts';
import { ServerProcess } from '../test/support/load/server-process.ts';

/** A server under load. */
export interface Target {
  readonly name: string;
  readonly url: string;
  readonly signalling: 'depthcast' | 'post';
  /** Of its process, where it is ours. */
  readonly pid: number | undefined;
  /** Set by whoever wants to know what the server read in its pictures. */
  onCodes: ((readings: CodeReading[]) => void) | undefined;
  stop(): Promise<void>;
}

/** The shipped settings, from which the own server starts. */
export const SETTINGS_FILE = fileURLToPath(new URL('../config/depthcast.yaml', import.meta.url));
/** In a session of their own servers get their share of a full machine apart from the load, as services do. */
const DETACHED = true;
const START_MS = 60_000;
const STOP_MS = 8000;

async function stopChild(child: ChildProcess, ask: () => void): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  ask();
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  await gone;
  clearTimeout(timer);
}

/** depthcast from this source tree, on a free port of the loopback address. */
export async function startOwnServer({ overrides, readCodes }: ServerSetup): Promise<Target> {
  const target: Target = {
    name: 'depthcast',
    url: '',
    signalling: 'depthcast',
    pid: undefined,
    onCodes: undefined,
    stop: async () => {},
  };
  const onCodes = readCodes ? (readings: CodeReading[]) => target.onCodes?.(readings) : undefined;
  try {
    const server = await ServerProcess.start({ overrides, onCodes, detached: DETACHED });
    return Object.assign(target, { url: server.base, pid: server.pid, stop: () => server.close() });
  } catch (thrown) {
    throw new DepthcastError('INTERNAL', { detail: (thrown as Error).message, cause: thrown });
  }
}

/** A server that runs already. */
export function remoteServer(url: string): Target {
  return {
    name: url,
    url: url.replace(/\/$/, ''),
    signalling: 'depthcast',
    pid: undefined,
    onCodes: undefined,
    stop: async () => {},
  };
}

export interface PeerServerOptions {
  /** Built with what. */
  kind: 'aiortc' | 'gstreamer';
  /** An ONNX file of the streaming contract, and its manifest. */
  model: string;
  /** Long side of the network's input. */
  size: number;
  python: string;
  /** Of aiortc. `inline`: the network runs in recv(). `executor`: in a thread, and frames that wait are skipped for the newest. */
  style: 'inline' | 'executor';
  /** Threads of the network; 0 for the engine's own choice. */
  threads: number;
}

/** The comparison: loadtest/peers/aiortc_server.py or gstreamer_server.py. */
export async function startPeerServer(options: PeerServerOptions): Promise<Target> {
  const { kind, model, size, python, style, threads } = options;
  const file = fileURLToPath(new URL(`./peers/${kind}_server.py`, import.meta.url));
  const values = ['--model', model, '--size', `${size}`, '--threads', `${threads}`];
  if (kind === 'aiortc') values.push('--style', style);
  // onnxruntime would report its usage to its makers.
  const env = { ...process.env, ORT_DISABLE_TELEMETRY: '1' };
  const child = spawn(python, [file, ...values], { stdio: 'pipe', env, detached: DETACHED });
  let complaint = '';
  child.stderr.on('data', (text: Buffer) => {
    complaint = (complaint + text).slice(-2000);
  });
  const port = await new Promise<number>((resolve, reject) => {
    const failed = (why: string) =>
      reject(new DepthcastError('INTERNAL', { detail: `the ${kind} server ${why}: ${complaint.trim()}` }));
    const timer = setTimeout(() => failed('did not start'), START_MS);
    child.once('error', (error) => failed(`could not be started (${error.message})`));
    child.once('exit', (code) => failed(`ended with ${code}`));
    child.stdout.on('data', (text: Buffer) => {
      const match = /listening on (\d+)/.exec(String(text));
      if (!match) return;
      clearTimeout(timer);
      resolve(Number(match[1]));
    });
  });
  return {
    name: `${kind}${kind === 'aiortc' ? `, ${style}` : ''}, ${threads === 1 ? '1 thread' : `${threads || 'default'} threads`}`,
    url: `http://127.0.0.1:${port}`,
    signalling: 'post',
    pid: child.pid,
    onCodes: undefined,
    stop: () => stopChild(child, () => child.kill('SIGTERM')),
  };
}
