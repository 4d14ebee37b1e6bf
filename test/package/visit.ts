// Run by archive.test.ts, where it can in a network of its own that holds nothing but loopback: starts the server that was
// installed, opens its page, streams video to it, and ends it. The command comes as the first argument; prints JSON.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Fleet } from '../support/load/wrtc-fleet.ts';

const PORT = 47_180;
const BASE = `http://127.0.0.1:${PORT}`;
const PATIENCE_MS = 120_000;

const server = spawn(process.argv[2]!, ['serve', '--port', `${PORT}`, '--log-level', 'warn'], {
  stdio: ['ignore', 'inherit', 'inherit'],
});
try {
  await ready();
  const page = await text('/');
  const script = /src="\.\/(assets\/[^"]+\.js)"/.exec(page)?.[1];
  const code = await text(`/${script}`);
  const fleet = new Fleet({
    url: BASE,
    peers: 1,
    scene: 'room',
    width: 320,
    height: 240,
    fps: 10,
    data: 'u16',
    track: 'gray',
  });
  const report = await fleet.flowing(PATIENCE_MS).finally(() => fleet.stop());
  server.kill('SIGTERM');
  const [status] = (await once(server, 'exit')) as [number | null];
  const [{ packets, badPackets, frames }] = report.peers as [(typeof report.peers)[0]];
  console.log(JSON.stringify({ page: page.length, code: code.length, packets, badPackets, frames, status }));
} finally {
  server.kill('SIGKILL');
}

async function ready(): Promise<void> {
  for (const deadline = performance.now() + PATIENCE_MS; ; ) {
    const status = await fetch(`${BASE}/readyz`).then(
      (response) => response.status,
      () => 0,
    );
    if (status === 200) return;
    if (server.exitCode !== null) throw new Error(`the server ended with ${server.exitCode}`);
    if (performance.now() > deadline) throw new Error(`the server is not ready: ${status}`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

async function text(path: string): Promise<string> {
  const response = await fetch(`${BASE}${path}`);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return await response.text();
}
