import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const VENV = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'depthcast', 'test-mcap');
const PYTHON = join(VENV, 'bin', 'python');
const PACKAGES = ['mcap==1.6.0', 'mcap-ros2-support==0.6.0', 'rosbags==0.11.9', 'numpy==2.4.6'];
const SCRIPT = new URL('./read-mcap.py', import.meta.url).pathname;
const usable = () => spawnSync(PYTHON, ['-c', 'import mcap, mcap_ros2, rosbags, numpy']).status === 0;

/** Whether the Python packages mcap and rosbags are there, or could be installed into a virtual environment of the tests' own. */
export function hasMcapReader(): boolean {
  if (usable()) return true;
  mkdirSync(VENV, { recursive: true });
  const made = spawnSync('python3', ['-m', 'venv', VENV]).status === 0;
  return (
    made &&
    spawnSync(PYTHON, ['-m', 'pip', 'install', '-q', ...PACKAGES], { timeout: 240_000 }).status === 0 &&
    usable()
  );
}

export interface ReadMessage {
  topic: string;
  type: string;
  /** ms since the Unix epoch. */
  time: number;
  stamp?: number;
  frame?: string;
  width?: number;
  height?: number;
  step?: number;
  encoding?: string;
  sum?: number;
  first?: number;
  last?: number;
  format?: string;
  begins?: number[];
  k?: number[];
  p?: number[];
  count?: number;
  depth?: number;
  child?: string;
  rotation?: number[];
}

const read = (how: string, path: string): unknown =>
  JSON.parse(execFileSync(PYTHON, [SCRIPT, how, path], { maxBuffer: 1 << 28 }).toString());

/** By rosbags; the index by mcap. */
export const readBag = (path: string) => read('rosbags', path) as { compression: string[]; messages: ReadMessage[] };

/** By mcap-ros2-support, which reads messages by the definitions in the file: of each topic, when its messages were captured, ms. */
export const readByDefinitions = (path: string) => read('ros2', path) as Record<string, number[]>;

/** By mcap, front to back. */
export const readStream = (path: string) =>
  read('stream', path) as { counts: Record<string, number>; problem: string | null };

/** The maps of `NAME_depths.npz`, by numpy. */
export const readArchive = (path: string) => read('npz', path) as { sum: number; first: number; last: number }[];
