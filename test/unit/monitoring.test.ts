import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { Metrics } from '../../src/metrics/metrics.ts';
import { exportState } from '../../src/metrics/server-state.ts';
import { needs } from '../support/needs.ts';
import { adapterQueries, dashboardQueries, metricNames, ruleQueries } from '../support/promql.ts';

const docker = new URL('../../docker/', import.meta.url);
const folder = new URL('prometheus/', docker).pathname;
const promtool = spawnSync('promtool', ['--version']).error === undefined;

// With a real Prometheus and a server under load: npm run check:monitoring.
describe('what Prometheus and Grafana ask', () => {
  const known = new Set(['up']);

  beforeAll(async () => {
    const { registry } = new Metrics({ version: '1', model: 'm', device: 'cpu' });
    exportState(registry, () => ({
      ready: true,
      accepting: true,
      streams: 0,
      streamsLimit: 1,
      workersAlive: 1,
      workersRestarting: 0,
      workersLimit: 1,
      utilisation: 0,
    }));
    for (const { name, type } of await registry.getMetricsAsJSON()) {
      known.add(name);
      // prom-client types `type` as an enum of numbers and gives its name.
      if (String(type) === 'histogram') for (const part of ['bucket', 'sum', 'count']) known.add(`${name}_${part}`);
    }
    for (const { name } of ruleQueries('record')) known.add(name);
  });

  it.each([
    ['the dashboard', dashboardQueries],
    ['the recording rules', () => ruleQueries('record')],
    ['the alerts', () => ruleQueries('alert')],
    ["the autoscaler's adapter", adapterQueries],
  ])('%s: metrics that the server has', (_, queries) => {
    expect(queries().length).toBeGreaterThan(0);
    for (const { name, expr } of queries()) {
      expect(metricNames(expr), name).not.toEqual([]);
      for (const metric of metricNames(expr)) expect(known, `${metric} in ${name}`).toContain(metric);
    }
  });

  it('the autoscaler: a metric that the adapter makes', () => {
    const { spec } = parse(readFileSync(new URL('k8s/base/hpa.yaml', docker), 'utf8')) as {
      spec: { metrics: { pods: { metric: { name: string } } }[] };
    };
    const made = adapterQueries().map(({ name }) => name);
    for (const { pods } of spec.metrics) expect(made).toContain(pods.metric.name);
  });

  it('each alert: a paragraph that tells what to do, and a test in which it fires', () => {
    const operations = readFileSync(new URL('../docs/operations.md', docker), 'utf8');
    const rules = readFileSync(new URL('prometheus/rules.yml', docker), 'utf8');
    const tests = readFileSync(new URL('prometheus/rules.test.yml', docker), 'utf8');
    for (const { name } of ruleQueries('alert')) {
      expect(operations, name).toContain(`#### ${name}\n`);
      expect(rules).toContain(`runbook: docs/operations.md#${name.toLowerCase()}\n`);
      expect(tests).toMatch(new RegExp(`alertname: ${name}\\n +exp_alerts:`));
    }
  });

  it('promtool: the configuration is valid and the alerts pass their tests', {
    ...needs(promtool, 'promtool (Debian: prometheus)'),
    timeout: 120_000,
  }, () => {
    for (const args of [
      ['check', 'config', 'prometheus.yml'],
      ['test', 'rules', 'rules.test.yml'],
    ]) {
      const { status, stdout, stderr } = spawnSync('promtool', args, { cwd: folder, encoding: 'utf8' });
      expect(status, stdout + stderr).toBe(0);
    }
  });
});
