// npm run test:livekit: `depthcast agent` against a real livekit-server, with participants of LiveKit's own libraries. Everything
// runs in a network namespace of its own, in which this program starts itself again.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const HELP = `Usage: npm run test:livekit -- [options]

Agents, publishers and viewers of a real livekit-server, in a network namespace (Linux): depth after an assignment, which
picture a depth map was made of, killed agents and servers, shared load, a browser. The server is built once with go install.
About five minutes without that.

  --frames N   pictures that are held against their depth (default: 2000)
  --only NAME  only the steps whose title contains this
  --json       prints the measured values as one line of JSON at the end
  -h, --help   this text`;

const { values } = parseArgs({
  options: {
    frames: { type: 'string', default: '2000' },
    only: { type: 'string', default: '' },
    json: { type: 'boolean', default: false },
    inside: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}

function skip(reason: string): never {
  console.log(`skipped: ${reason}`);
  process.exit(process.env['CI'] ? 1 : 0);
}

if (values.inside) await inside();
else {
  if (process.platform !== 'linux') skip('it needs network namespaces of Linux');
  const { ensureServer } = await import('./server.ts');
  const missing = ensureServer();
  if (missing !== undefined) skip(missing);
  const namespace = process.getuid?.() === 0 ? ['-n'] : ['-rn'];
  if (spawnSync('unshare', [...namespace, 'ip', 'link']).status !== 0)
    skip('unshare and ip are needed (Debian: util-linux, iproute2), and the right to make a network namespace');
  const again = ['--import', 'tsx', fileURLToPath(import.meta.url), '--inside', ...process.argv.slice(2)];
  const { status } = spawnSync('unshare', [...namespace, process.execPath, ...again], { stdio: 'inherit' });
  process.exit(status ?? 1);
}

async function inside(): Promise<never> {
  // libwebrtc takes no candidate from a loopback interface: a bridge without ports stands beside it.
  for (const command of [
    'link set lo up',
    'link add d0 type bridge',
    'addr add 10.88.0.1/24 dev d0',
    'link set d0 up',
  ]) {
    const { status, stderr } = spawnSync('ip', command.split(' '), { encoding: 'utf8' });
    if (status !== 0) skip(`ip ${command}: ${stderr.trim()}`);
  }
  const { World } = await import('./world.ts');
  const { steps } = await import('./steps.ts');
  const folder = mkdtempSync(join(tmpdir(), 'depthcast-livekit-'));
  const world = new World(folder, Number(values.frames));
  process.once('SIGINT', () => void world.close().finally(() => process.exit(130)));
  const began = performance.now();
  let failed = false;
  try {
    await world.start();
    for (const [title, step] of steps) {
      if (!title.includes(values.only)) continue;
      const at = performance.now();
      const detail = await step(world);
      console.log(`ok      ${title}: ${detail} (${((performance.now() - at) / 1000).toFixed(1)} s)`);
      await world.clear();
    }
  } catch (thrown) {
    failed = true;
    console.error(`FAILED  ${(thrown as Error).stack}`);
    for (const { name, log } of world.agents) console.error(`agent ${name}: …${log.slice(-3000)}`);
  } finally {
    await world.close();
    rmSync(folder, { recursive: true, force: true });
  }
  if (values.json) console.log(JSON.stringify(world.measured));
  console.log(`${failed ? 'failed' : 'passed'} after ${((performance.now() - began) / 1000).toFixed(0)} s`);
  process.exit(failed ? 1 : 0);
}
