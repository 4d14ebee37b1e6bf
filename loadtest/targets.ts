import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { DepthcastError } from '../src/errors.ts';
import type { CodeReading, FromServer, ServerSetup } from './server-child.ts';

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
export async function startOwnServer(setup: ServerSetup): Promise<Target> {
  const file = fileURLToPath(new URL('./server-child.ts', import.meta.url));
  const stdio: StdioOptions = ['ignore', 'inherit', 'inherit', 'ipc'];
  const child = spawn(process.execPath, ['--import', 'tsx', file], { stdio, detached: DETACHED });
  const stop = () => stopChild(child, () => child.send('end'));
  const target: Target = {
    name: 'depthcast',
    url: '',
    signalling: 'depthcast',
    pid: child.pid,
    onCodes: undefined,
    stop,
  };
  const port = await new Promise<number>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new DepthcastError('INTERNAL', { detail: 'the server did not start' })),
      START_MS,
    );
    child.on('message', (message: FromServer) => {
      if (message.case === 'codes') target.onCodes?.(message.readings);
      else {
        clearTimeout(timer);
        if (message.case === 'listening') resolve(message.port);
        else reject(new DepthcastError('INTERNAL', { detail: `the server did not start: ${message.message}` }));
      }
    });
    child.once('exit', (code) => reject(new DepthcastError('INTERNAL', { detail: `the server ended with ${code}` })));
    child.send(setup);
  });
  return Object.assign(target, { url: `http://127.0.0.1:${port}` });
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

export interface AiortcOptions {
  /** An ONNX file of the streaming contract, and its manifest. */
  model: string;
  /** Long side of the network's input. */
  size: number;
  python: string;
  /** `inline`: the network runs in recv(). `executor`: in a thread, and frames that wait are skipped for the newest. */
  style: 'inline' | 'executor';
  /** Threads of the network; 0 for the engine's own choice. */
  threads: number;
}

/** The comparison: loadtest/peers/aiortc_server.py. */
export async function startAiortcServer({ model, size, python, style, threads }: AiortcOptions): Promise<Target> {
  const file = fileURLToPath(new URL('./peers/aiortc_server.py', import.meta.url));
  const values = ['--model', model, '--size', `${size}`, '--style', style, '--threads', `${threads}`];
  // onnxruntime would report its usage to its makers.
  const env = { ...process.env, ORT_DISABLE_TELEMETRY: '1' };
  const child = spawn(python, [file, ...values], { stdio: 'pipe', env, detached: DETACHED });
  let complaint = '';
  child.stderr.on('data', (text: Buffer) => {
    complaint = (complaint + text).slice(-2000);
  });
  const port = await new Promise<number>((resolve, reject) => {
    const failed = (why: string) =>
      reject(new DepthcastError('INTERNAL', { detail: `the aiortc server ${why}: ${complaint.trim()}` }));
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
    name: `aiortc, ${style}`,
    url: `http://127.0.0.1:${port}`,
    signalling: 'post',
    pid: child.pid,
    onCodes: undefined,
    stop: () => stopChild(child, () => child.kill('SIGTERM')),
  };
}
