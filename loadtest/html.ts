import type { Capacity } from './capacity.ts';
import { escapeHtml, lineChart } from './chart.ts';
import type { Comparison, LoadReport, TargetReport } from './report.ts';
import { CAPACITY_COLUMNS, COMPARISON_COLUMNS, capacityRow, comparisonRow, fixed, ms } from './rows.ts';

const STYLE = `
:root { color-scheme: light dark; --page: #f7f7f5; --card: #fff; --ink: #1c2024; --soft: #667078; --line: #e3e5e8;
  --c1: #2b6cd4; --c2: #d97a1f; --c3: #1d8f78; --bad: #c4352f; --good: #1d8f78 }
@media (prefers-color-scheme: dark) { :root { --page: #14171a; --card: #1d2125; --ink: #e8eaec; --soft: #98a2aa;
  --line: #30363c; --c1: #6ea3ff; --c2: #f0a050; --c3: #4fc9ae; --bad: #ff7b72; --good: #4fc9ae } }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 1160px; padding: 28px 20px 48px; background: var(--page); color: var(--ink);
  font: 14px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif }
h1 { font-size: 22px; margin: 0 } h2 { font-size: 17px; margin: 36px 0 12px } h3 { font-size: 14px; margin: 22px 0 8px }
p { margin: 4px 0; max-width: 110ch; color: var(--soft) }
p.note { margin-top: 24px }
code { font: 12.5px/1.5 ui-monospace, "DejaVu Sans Mono", monospace; color: var(--ink); overflow-wrap: anywhere }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(172px, 1fr)); gap: 12px }
.facts div, figure, .table { background: var(--card); border: 1px solid var(--line); border-radius: 8px }
.facts div { padding: 12px 14px } .facts b { display: block; font-size: 20px; font-weight: 600; white-space: nowrap; line-height: 1.25 }
.facts span { color: var(--soft); font-size: 12.5px } .facts .bad b { color: var(--bad) } .facts .good b { color: var(--good) }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); gap: 12px; margin-top: 12px }
figure { margin: 0; padding: 12px 14px 6px } svg { display: block; width: 100%; height: auto }
figcaption { display: flex; flex-wrap: wrap; align-items: baseline; gap: 2px 8px; margin-bottom: 4px }
figcaption em { font-style: normal; color: var(--soft); font-size: 12.5px }
.legend { margin-left: auto; display: flex; gap: 12px; color: var(--soft); font-size: 12.5px }
.key { display: inline-block; width: 14px; height: 3px; border-radius: 2px; margin-right: 5px; vertical-align: middle }
svg text { font-size: 11.5px; fill: var(--soft) } .grid { stroke: var(--line) }
.line { fill: none; stroke-width: 2; stroke-linejoin: round }
.line.c1 { stroke: var(--c1) } .line.c2 { stroke: var(--c2) } .line.c3 { stroke: var(--c3) }
.dot.c1 { fill: var(--c1) } .dot.c2 { fill: var(--c2) } .dot.c3 { fill: var(--c3) }
.key.c1 { background: var(--c1) } .key.c2 { background: var(--c2) } .key.c3 { background: var(--c3) }
.limit { stroke: var(--bad); stroke-dasharray: 5 4 } svg .limit-label { fill: var(--bad) }
.table { overflow-x: auto } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th, td { padding: 7px 12px; text-align: right; white-space: nowrap; border-top: 1px solid var(--line) }
thead th { border-top: 0; color: var(--soft); font-weight: 500; font-size: 12.5px } th:first-child, td:first-child { text-align: left }
td.text { text-align: left; white-space: normal; color: var(--bad) }
`;

const COLOURS = [1, 2, 3] as const;
/** Of a limit: what lies so far beyond it would flatten the rest of a plot. */
const BEYOND = 3;

/** The report as one page without outside parts. */
export function renderHtml(report: LoadReport): string {
  const { machine, targets, comparison } = report;
  const body = [
    `<h1>depthcast load test</h1>`,
    `<p>${escapeHtml(report.startedAt.replace('T', ' ').slice(0, 16))} UTC · ${escapeHtml(machine.processor)}, ${machine.cores} cores, ` +
      `Node ${escapeHtml(machine.node)} · system load before: ${fixed(machine.loadBefore, 1)}${report.stoppedEarly ? ' · <b>stopped early</b>' : ''}</p>`,
    `<p><code>${escapeHtml(report.command)}</code></p>`,
    ...(comparison ? [comparisonSection(comparison, targets)] : []),
    ...targets.map((target, i) => targetSection(target, targets.length > 1 ? ` · turn ${i + 1}` : '')),
    '<p class="note">Latency is from the moment a picture is handed to the peer’s encoder: to the last packet of its gray frame (track), or to ' +
      'its whole depth packet (data). Server latency is from the last packet of the picture to the last packet of its depth. ' +
      'Frames are told apart by their RTP timestamps. The load ran on the same machine: server CPU is that of its process alone.</p>',
  ];
  return (
    `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">` +
    `<title>depthcast load test</title><style>${STYLE}</style><body>${body.join('\n')}</body></html>\n`
  );
}

function targetSection({ name, primary, timeline, result, capacity }: TargetReport, turn: string): string {
  const wrong = result.wrong.unknown + result.wrong.code + result.wrong.implausible;
  const latency = result.latency[primary];
  const facts = [
    fact(`${fixed(result.fps.mean, 1)} fps`, `mean of a stream; least ${fixed(result.fps.least, 1)}`),
    fact(`${ms(latency.p50)} / ${ms(latency.p95)} ms`, `latency (${primary}) p50 / p95; p99 ${ms(latency.p99)}`),
    fact(`${ms(result.latency.server.p95)} ms`, `server latency p95; p50 ${ms(result.latency.server.p50)}`),
    fact(
      `${fixed(result.server.msPerDepth, 1)} ms`,
      `server CPU a depth map; ${fixed(result.server.cores, 2)} cores in use`,
    ),
    fact(
      `${wrong}`,
      `wrong of ${result.depth} maps; ${result.verified} verified by their code`,
      wrong > 0 ? 'bad' : 'good',
    ),
    fact(`${result.reconnects}`, `reconnects; ${result.crashes} crashes of the load`),
  ];
  const x = timeline.map(({ second }) => second);
  const time = { x, xUnit: ' s' };
  const values = (of: (moment: TargetReport['timeline'][number]) => number) => timeline.map(of);
  const charts = [
    lineChart({
      ...time,
      title: 'Depth maps',
      unit: 'a second, per stream',
      series: [{ name: 'depth', colour: 1, values: values((m) => m.fpsPerStream) }],
    }),
    lineChart({
      ...time,
      title: `Latency (${primary})`,
      unit: 'ms',
      series: [
        { name: 'p50', colour: 1, values: values((m) => m.latency.p50) },
        { name: 'p95', colour: 2, values: values((m) => m.latency.p95) },
        { name: 'p99', colour: 3, values: values((m) => m.latency.p99) },
      ],
    }),
    lineChart({
      ...time,
      title: 'Processor',
      unit: 'cores in use',
      series: [
        { name: 'server', colour: 1, values: values((m) => m.serverCores) },
        { name: 'load', colour: 2, values: values((m) => m.loadCores) },
      ],
    }),
    lineChart({
      ...time,
      title: 'Memory of the server',
      unit: 'MiB resident',
      series: [{ name: 'server', colour: 1, values: values((m) => m.serverRssMiB) }],
    }),
    lineChart({
      ...time,
      title: 'Streams',
      whole: true,
      unit: 'connected, and wanted',
      series: [
        { name: 'wanted', colour: 2, values: values((m) => m.wanted) },
        { name: 'connected', colour: 1, values: values((m) => m.connected) },
      ],
    }),
  ];
  if (timeline.some(({ serverDepth }) => Number.isFinite(serverDepth)))
    charts.push(
      lineChart({
        ...time,
        title: 'Pictures in the server',
        unit: 'a second, all streams, from /metrics',
        series: [
          { name: 'made into depth', colour: 1, values: values((m) => m.serverDepth) },
          { name: 'replaced by a newer one', colour: 2, values: values((m) => m.serverDropped) },
        ],
      }),
    );
  return [
    `<h2>${escapeHtml(name)}${turn}</h2>`,
    // Of a search for capacity the whole says little: its steps do.
    capacity ? capacitySection(capacity) : `<div class="facts">${facts.join('')}</div>`,
    `<div class="charts">${charts.join('')}</div>`,
    '<h3>Streams</h3>',
    table(
      [
        'stream',
        'fps in',
        'fps out',
        'p50 ms',
        'p95 ms',
        'p99 ms',
        'server p95',
        'dropped',
        'packets',
        'reconnects',
        'wrong',
        'rank',
        'delta1',
        'kbit/s in',
        'packets lost',
      ],
      result.streams.map((s) => [
        `${s.index + 1}`,
        fixed(s.fps.captured, 1),
        fixed(s.fps.depth, 1),
        ms(s.latency[primary].p50),
        ms(s.latency[primary].p95),
        ms(s.latency[primary].p99),
        ms(s.latency.server.p95),
        `${s.dropped}`,
        `${s.packets}`,
        `${s.reconnects}`,
        `${s.wrong.unknown + s.wrong.code + s.wrong.implausible}`,
        fixed(s.truth.rank, 2),
        fixed(s.truth.delta1, 2),
        fixed(s.kilobits.up),
        `${s.lost.up + s.lost.down}`,
      ]),
    ),
  ].join('\n');
}

function capacitySection({ steps, streams, cores, streamsPerCore, limits }: Capacity): string {
  const x = steps.map((step) => step.streams);
  const of = (value: (step: Capacity['steps'][number]) => number) => steps.map(value);
  const charts = streamCharts(x, limits, {
    unit: 'ms',
    p95: [{ name: 'p95', colour: 1, values: of(({ p95 }) => p95) }],
    fps: [{ name: 'fps', colour: 1, values: of(({ fps }) => fps.least) }],
  });
  const facts = [
    fact(`${streams} streams`, 'within the limits'),
    fact(fixed(streamsPerCore, 2), `streams per core, at ${fixed(cores, 2)} cores of the server`),
  ];
  return [
    `<div class="facts">${facts.join('')}</div>${charts}`,
    '<h3>Steps</h3>',
    table(CAPACITY_COLUMNS, steps.map(capacityRow), 8),
  ].join('\n');
}

function comparisonSection({ rows, ratios }: Comparison, targets: readonly TargetReport[]): string {
  const facts = ratios.flatMap(({ name, streamsPerCore, p95, serverP95 }) => [
    fact(`${fixed(streamsPerCore, 2)}×`, `the streams per core of ${name}`),
    fact(`${fixed(p95, 2)}×`, `the p95, capture to depth, of ${name}`),
    fact(`${fixed(serverP95, 2)}×`, `the p95 in the server of ${name}`),
  ]);
  return [
    '<h2>Comparison</h2>',
    `<div class="facts">${facts.join('')}</div>`,
    capacityCharts(rows, targets),
    '<h3>Medians of the turns</h3>',
    table(COMPARISON_COLUMNS, rows.map(comparisonRow)),
  ].join('\n');
}

/** p95 and frame rate by streams of each server's first turn, where capacity was sought. */
function capacityCharts(rows: Comparison['rows'], targets: readonly TargetReport[]): string {
  const searches = rows.flatMap(({ name }) => targets.find((target) => target.name === name)?.capacity ?? []);
  if (searches.length < rows.length || searches.length > COLOURS.length) return '';
  const x = Array.from({ length: Math.max(...searches.map(({ steps }) => steps.length)) }, (_, i) => i + 1);
  const series = (of: (step: Capacity['steps'][number]) => number) =>
    searches.map(({ steps }, i) => {
      const at = (streams: number) => steps.find((step) => step.streams === streams);
      const values = x.map((streams) => (at(streams) ? of(at(streams)!) : Number.NaN));
      return { name: rows[i]!.name, colour: COLOURS[i]!, values };
    });
  const { limits } = searches[0]!;
  const most = BEYOND * limits.p95;
  return streamCharts(x, limits, {
    unit: `ms; beyond ${most} not shown`,
    p95: series(({ p95 }) => (p95 <= most ? p95 : Number.NaN)),
    fps: series(({ fps }) => fps.least),
  });
}

type Series = Parameters<typeof lineChart>[0]['series'];

/** p95, in `unit`, and frame rate by numbers of streams. */
function streamCharts(
  x: readonly number[],
  limits: Capacity['limits'],
  { unit, p95, fps }: { unit: string; p95: Series; fps: Series },
): string {
  const axis = { x, xUnit: '', dots: true };
  const charts = [
    lineChart({ ...axis, title: 'p95 by streams', unit, limit: { value: limits.p95, label: 'limit' }, series: p95 }),
    lineChart({
      ...axis,
      title: 'Frame rate by streams',
      unit: 'fps of the slowest',
      limit: { value: limits.fps, label: 'limit', below: true },
      series: fps,
    }),
  ];
  return `<div class="charts">${charts.join('')}</div>`;
}

function fact(value: string, about: string, tone = ''): string {
  return `<div class="${tone}"><b>${escapeHtml(value)}</b><span>${escapeHtml(about)}</span></div>`;
}

function table(head: string[], rows: string[][], textColumn = -1): string {
  const cell = (text: string, i: number) => `<td${i === textColumn ? ' class="text"' : ''}>${escapeHtml(text)}</td>`;
  return (
    `<div class="table"><table><thead><tr>${head.map((text) => `<th>${escapeHtml(text)}</th>`).join('')}</tr></thead>` +
    `<tbody>${rows.map((row) => `<tr>${row.map(cell).join('')}</tr>`).join('')}</tbody></table></div>`
  );
}
