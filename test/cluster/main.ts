// npm run test:cluster: three depthcast servers behind two HAProxy balancers (docker/cluster/haproxy.cfg), on loopback
// addresses, under libwebrtc clients; replicas and balancers are killed and drained.
import { parseArgs } from 'node:util';
import { findHaproxy } from './balancer.ts';
import { Cluster } from './cluster.ts';
import { steps } from './steps.ts';

const HELP = `Usage: npm run test:cluster -- [options]

Three depthcast servers behind two HAProxy balancers on loopback addresses (Linux), with WHIP, WHEP and SDK clients:
placing, drain, killed replicas and balancers, a full cluster. About two minutes.

  --json       prints the measured times as one line of JSON at the end
  -h, --help   this text`;

const { values } = parseArgs({
  options: { json: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h', default: false } },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}
const missing = process.platform === 'linux' ? findHaproxy() : 'it needs the many loopback addresses of Linux';
if (missing !== undefined) {
  console.log(`skipped: ${missing}`);
  process.exit(process.env['CI'] ? 1 : 0);
}

/** Of each process, shown where something failed. */
const LOG_END = 1500;
const began = performance.now();
const cluster = new Cluster();
process.once('SIGINT', () => void cluster.close().finally(() => process.exit(130)));
const measured: Record<string, number> = {};
let failed: Error | undefined;
try {
  await cluster.start();
  console.log(`started ${((performance.now() - began) / 1000).toFixed(1)} s`);
  for (const [title, step] of steps) {
    const at = performance.now();
    const detail = await step(cluster, measured);
    console.log(`ok      ${title}: ${detail} (${((performance.now() - at) / 1000).toFixed(1)} s)`);
  }
} catch (thrown) {
  failed = thrown as Error;
  console.error(`FAILED  ${failed.stack}`);
  for (const { log } of [...cluster.replicas, ...cluster.balancers]) console.error(`…${log.slice(-LOG_END)}\n`);
} finally {
  await cluster.close();
}
if (values.json) console.log(JSON.stringify(measured));
console.log(`${failed ? 'failed' : 'passed'} after ${((performance.now() - began) / 1000).toFixed(0)} s`);
process.exit(failed ? 1 : 0);
