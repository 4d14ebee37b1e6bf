// npm run test:python: makes a wheel of client/python, installs it in a fresh virtual environment and runs its tests against a real
// server. Without Python 3.10 or later it is skipped, which fails where CI=true. With --newest its dependencies are the newest that it
// allows, instead of those of client/python/tests/constraints.txt.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ensureInstalled, ROOT, say } from './lib.mjs';
import { makeEnvironment, pythonMissing } from './lib-python.mjs';

const SERVER_SECONDS = 90;

function skip(reason) {
  console.log(`Skipped: ${reason}`);
  process.exit(process.env['CI'] === 'true' ? 1 : 0);
}

ensureInstalled();
const missing = pythonMissing();
if (missing) skip(missing);

const folder = mkdtempSync(join(tmpdir(), 'depthcast-python-'));
let server;
try {
  say('A wheel in a fresh environment');
  const bin = makeEnvironment(folder, { newest: process.argv.includes('--newest') });

  // Reads the messages of client/examples/ros2.
  run(bin, ['-m', 'pip', 'install', '--quiet', 'rosbags==0.11.9']);

  say('Its tests against a server');
  const port = 21_000 + (process.pid % 9000);
  const url = `http://127.0.0.1:${port}`;
  const main = ['--import', 'tsx', join(ROOT, 'src', 'cli', 'main.ts'), 'serve', '--port', String(port)];
  server = spawn(process.execPath, main, {
    cwd: ROOT,
    env: {
      ...process.env,
      DEPTHCAST_SOURCES_SCENES: '[static]',
      DEPTHCAST_LIMITS_UTILISATION: 'null',
      DEPTHCAST_LOG_LEVEL: 'warn',
    },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  await ready(url);
  run(bin, ['-m', 'unittest', 'discover', '-v', '-s', join(ROOT, 'client', 'python', 'tests')], {
    DEPTHCAST_URL: url,
    DEPTHCAST_SCENE: 'scene-static',
    DEPTHCAST_ROBOT_EXAMPLE: join(ROOT, 'client', 'examples', 'robot-python', 'robot.py'),
    DEPTHCAST_ROS2_EXAMPLE: join(ROOT, 'client', 'examples', 'ros2'),
  });
} finally {
  server?.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}

function run(command, args, env = {}) {
  const { status, error } = spawnSync(command, args, {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: 'inherit',
  });
  if (error) throw error;
  if (status !== 0) throw new Error(`${command} ${args.slice(0, 4).join(' ')} ended with ${status}`);
}

async function ready(url) {
  for (let n = 0; n < SERVER_SECONDS * 4; n++) {
    if (server.exitCode !== null) throw new Error(`the server ended with ${server.exitCode}`);
    const answer = await fetch(`${url}/livez`).catch(() => undefined);
    if (answer?.ok) return;
    await sleep(250);
  }
  throw new Error(`the server did not answer within ${SERVER_SECONDS} s`);
}
