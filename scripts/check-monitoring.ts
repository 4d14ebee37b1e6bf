// npm run check:monitoring: does what Prometheus, the alerts, the dashboard and the autoscaler ask exist? Runs promtool
// over docker/prometheus, then a server under load and a real Prometheus, and evaluates every expression there.
// Takes about a minute. Debian: apt-get install prometheus. Without it nothing is checked, and that is said.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { loadConfig } from '../src/config/load.ts';
import { startServer } from '../src/server/server.ts';
import { Fleet } from '../test/support/load/wrtc-fleet.ts';
import {
  adapterQueries,
  dashboardQueries,
  metricNames,
  type Query,
  ruleQueries,
  selectors,
} from '../test/support/promql.ts';

/** Long enough for rates over $__rate_interval and for what is observed once a second. */
const LOAD_SECONDS = 40;
/** Patience with a busy machine. */
const FLOWING_MS = 120_000;
const FOLDER = new URL('../docker/prometheus/', import.meta.url).pathname;

if (process.argv.includes('--help')) {
  console.log(
    'npm run check:monitoring [-- --require]\n\n  --require   fail where prometheus and promtool are missing',
  );
  process.exit(0);
}
if (spawnSync('promtool', ['--version']).error || spawnSync('prometheus', ['--version']).error) {
  console.log('Skipped: prometheus and promtool are not installed (Debian: apt-get install prometheus).');
  process.exit(process.argv.includes('--require') ? 1 : 0);
}
for (const args of [
  ['check', 'config', 'prometheus.yml'],
  ['test', 'rules', 'rules.test.yml'],
])
  if (spawnSync('promtool', args, { cwd: FOLDER, stdio: 'inherit' }).status !== 0) process.exit(1);

const data = mkdtempSync(join(tmpdir(), 'depthcast-prometheus-'));
// However slow this machine is now, it takes every session: its speed is not what is checked.
const overrides = { 'server.port': 0, 'limits.utilisation': null };
const config = loadConfig({ file: 'config/depthcast.yaml', overrides });
const server = await startServer({ config, version: 'check' });
const base = `http://127.0.0.1:${server.port}`;
const load = { url: base, scene: 'room', width: 320, height: 240, fps: 15, data: 'u16', track: 'gray' } as const;
const fleet = new Fleet({ ...load, peers: 2 });
let prometheus: ChildProcess | undefined;
let failures = 0;
try {
  const port = await freePort();
  prometheus = spawn(
    'prometheus',
    [
      `--config.file=${writeConfig(server.port)}`,
      `--storage.tsdb.path=${join(data, 'tsdb')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=error',
    ],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  );
  const api = `http://127.0.0.1:${port}/api/v1`;
  await fleet.flowing(FLOWING_MS);
  // Something to refuse.
  await fetch(`${base}/whip/x`, { method: 'POST', body: 'v=0', headers: { 'content-type': 'application/sdp' } });
  console.log(`\nA server with two streams, scraped every second for ${LOAD_SECONDS} s...`);
  await seconds(LOAD_SECONDS);
  // A session that begins and ends while Prometheus watches.
  const passing = new Fleet({ ...load, peers: 1 });
  await passing.flowing(FLOWING_MS).finally(() => passing.stop());
  await seconds(5);
  await evaluate(api);
} finally {
  prometheus?.kill();
  await fleet.stop();
  await server.close();
  rmSync(data, { recursive: true, force: true });
}
process.exit(failures > 0 ? 1 : 0);

function seconds(count: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, count * 1000));
}

/** The shipped configuration, but that it scrapes this server, and more often. */
function writeConfig(port: number): string {
  const settings = parse(readFileSync(join(FOLDER, 'prometheus.yml'), 'utf8')) as {
    global: Record<string, string>;
    rule_files: string[];
    scrape_configs: { scrape_timeout?: string; static_configs: { targets: string[] }[] }[];
  };
  settings.global = { scrape_interval: '1s', evaluation_interval: '1s' };
  settings.rule_files = settings.rule_files.map((file) => join(FOLDER, file));
  for (const job of settings.scrape_configs) {
    job.scrape_timeout = '1s';
    job.static_configs = [{ targets: [`127.0.0.1:${port}`] }];
  }
  const file = join(data, 'prometheus.yml');
  writeFileSync(file, stringify(settings));
  return file;
}

async function evaluate(api: string): Promise<void> {
  // A graph must show something under load; an alert must not, but each of its selectors must find its metric.
  for (const { name, expr } of [...dashboardQueries(), ...ruleQueries('record'), ...adapterQueries()]) {
    const found = await query(api, expr);
    report(name, expr, found.error ?? (found.series === 0 ? 'no data' : undefined), `${found.series}  ${found.sample}`);
  }
  for (const { name, expr } of ruleQueries('alert')) {
    const found = await query(api, expr);
    const empty: string[] = [];
    for (const selector of selectors(expr)) if ((await query(api, selector)).series === 0) empty.push(selector);
    const wrong = found.error ?? (empty.length > 0 ? `nothing for ${empty.join(', ')}` : undefined);
    report(name, expr, wrong, found.series === 0 ? 'quiet' : `${found.series} would fire`);
  }
  const { data: names } = (await (await fetch(`${api}/label/__name__/values`)).json()) as { data: string[] };
  const all: Query[] = [...dashboardQueries(), ...ruleQueries('record'), ...ruleQueries('alert'), ...adapterQueries()];
  const unknown = new Set(all.flatMap(({ expr }) => metricNames(expr)).filter((name) => !names.includes(name)));
  console.log(
    `\n${all.length} expressions, ${failures} wrong; metrics that Prometheus does not know: ${[...unknown].join(', ') || 'none'}`,
  );
  failures += unknown.size;
}

async function query(api: string, expr: string): Promise<{ series: number; sample: string; error?: string }> {
  const response = await fetch(`${api}/query?${new URLSearchParams({ query: expr })}`);
  const body = (await response.json()) as
    | { status: 'success'; data: { result: { value: [number, string] }[] } }
    | { status: 'error'; error: string };
  if (body.status === 'error') return { series: 0, sample: '', error: body.error };
  // A quantile of nothing is NaN: that is no data either.
  const values = body.data.result.map(({ value }) => Number(value[1])).filter((value) => !Number.isNaN(value));
  return {
    series: values.length,
    sample: values
      .slice(0, 4)
      .map((value) => value.toPrecision(3))
      .join(' '),
  };
}

function report(name: string, expr: string, wrong: string | undefined, found: string): void {
  if (wrong !== undefined) failures++;
  console.log(
    `${wrong === undefined ? '  ok  ' : 'WRONG '} ${name.padEnd(52)} ${wrong === undefined ? found : `${wrong}\n       ${expr}`}`,
  );
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => probe.once('listening', resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
