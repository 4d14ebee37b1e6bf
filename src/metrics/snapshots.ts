import { AggregatorRegistry, type MetricObjectWithValues, type MetricValue, type Registry } from 'prom-client';

/** The numbers of one thread at a moment. */
export type MetricSnapshot = MetricObjectWithValues<MetricValue<string>>[];

/** Types whose values only grow: what a thread that is gone has counted stays counted. */
const GROWING = new Set<unknown>(['counter', 'histogram']);

/** What of a thread's numbers outlasts it. */
export const lasting = (snapshot: MetricSnapshot): MetricSnapshot => snapshot.filter(({ type }) => GROWING.has(type));

/** The sums, each metric as its `aggregator` says. */
export const added = (snapshots: readonly MetricSnapshot[]): Promise<MetricSnapshot> =>
  AggregatorRegistry.aggregate([...snapshots]).getMetricsAsJSON();

/** A registry as text, with other threads' numbers added to its own. */
export async function textOf(registry: Registry, others: readonly MetricSnapshot[]): Promise<string> {
  if (others.length === 0) return registry.metrics();
  const shared = new Set(others.flatMap((snapshot) => snapshot.map(({ name }) => name)));
  // Each is collected once: the event loop's lag begins anew with every look at it.
  const names = registry.getMetricsAsArray().map(({ name }) => name);
  const summed = names.filter((name) => shared.has(name));
  const alone = names.filter((name) => !shared.has(name));
  const own = await Promise.all(summed.map((name) => registry.getSingleMetric(name)!.get()));
  const texts = await Promise.all(alone.map((name) => registry.getSingleMetricAsString(name)));
  const sums = AggregatorRegistry.aggregate([own as MetricSnapshot, ...others]);
  return [...texts, await sums.metrics()].join('\n\n');
}
