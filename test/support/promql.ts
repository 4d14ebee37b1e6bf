import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

/** A PromQL expression of ours and where it stands. */
export interface Query {
  name: string;
  expr: string;
}

const read = (path: string): string => readFileSync(new URL(`../../docker/${path}`, import.meta.url), 'utf8');

/** What the panels and variables of the dashboard ask, with Grafana's variables filled in. */
export function dashboardQueries(): Query[] {
  const { panels, annotations } = JSON.parse(read('grafana/dashboards/depthcast.json')) as {
    panels: { title: string; targets?: { expr: string; refId: string }[] }[];
    annotations: { list: { name: string; expr: string }[] };
  };
  const queries = panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr, refId }) => ({ name: `${title} ${refId}`, expr: fill(expr) })),
  );
  // An annotation marks an event; without one it has nothing to show, so only its metric is looked for.
  const marks = annotations.list.map(({ name, expr }) => ({ name, expr: selectors(fill(expr))[0] ?? expr }));
  return [...queries, ...marks];
}

const fill = (expr: string): string =>
  expr.replaceAll('$__rate_interval', '20s').replaceAll('$job', 'depthcast').replaceAll('$instance', '.+');

/** Recording rules or alerts, by name. */
export function ruleQueries(kind: 'record' | 'alert'): Query[] {
  const { groups } = parse(read('prometheus/rules.yml')) as {
    groups: { rules: { record?: string; alert?: string; expr: string }[] }[];
  };
  return groups.flatMap(({ rules }) =>
    rules.flatMap((rule) => (rule[kind] === undefined ? [] : [{ name: rule[kind], expr: rule.expr }])),
  );
}

/** What the Prometheus adapter asks for the autoscaler's metrics, with its templates filled in as it would. */
export function adapterQueries(): Query[] {
  const { rules } = parse(read('k8s/prometheus-adapter.yaml')) as {
    rules: { custom: { name: { as: string }; metricsQuery: string }[] };
  };
  return rules.custom.map(({ name, metricsQuery }) => ({
    name: name.as,
    expr: metricsQuery.replaceAll('<<.LabelMatchers>>', 'job="depthcast"').replaceAll('<<.GroupBy>>', 'instance'),
  }));
}

/** Vector selectors of an expression: `name{...}` as it stands there. */
export function selectors(expr: string): string[] {
  return [...new Set([...expr.matchAll(SELECTOR)].map(([selector]) => selector))];
}

/** Metrics that an expression names. */
export function metricNames(expr: string): string[] {
  return selectors(expr).map((selector) => selector.replace(/\{.*/s, ''));
}

/** Names of ours, and of what Node and Prometheus itself export, with their label matchers. */
const SELECTOR = /\b(?:depthcast[_:]\w[\w:]*|nodejs_\w+|process_\w+|up\b)(?:\{[^}]*\})?/g;
