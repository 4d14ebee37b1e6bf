// Writes docker/grafana/dashboards/depthcast.json, the dashboard that Grafana provisions, from the list of panels below.
// `--check` fails when the two differ.
import { readFileSync, writeFileSync } from 'node:fs';

const file = new URL('../docker/grafana/dashboards/depthcast.json', import.meta.url);
const WIDTH = 24;
const SCOPE = 'job="$job", instance=~"$instance"';
const RATE = '[$__rate_interval]';

/** `sum by (...)` of a counter's rate, over the servers that were chosen. */
const rate = (metric, { by = '', where = '' } = {}) =>
  `sum${by ? ` by (${by})` : ''} (rate(depthcast_${metric}{${SCOPE}${where ? `, ${where}` : ''}}${RATE}))`;
/** Quantiles of a histogram, one query for each. */
const quantiles = (metric, { by = '', where = '', legend = '' } = {}) =>
  [0.5, 0.95, 0.99].map((q) => [
    `histogram_quantile(${q}, ${rate(`${metric}_bucket`, { by: by ? `${by}, le` : 'le', where })})`,
    `p${q * 100}${legend ? ` ${legend}` : ''}`,
  ]);
const gauge = (metric) => `depthcast_${metric}{${SCOPE}}`;
const ofProcess = (metric) => `${metric}{${SCOPE}}`;

const ROWS = [
  [
    'Capacity',
    [
      {
        title: 'Ready',
        kind: 'stat',
        width: 3,
        unit: 'none',
        help: 'Servers that would take a new session now; those with capacity for one more stream; those that answer.',
        queries: [
          [`sum(${gauge('ready')})`, 'ready'],
          [`sum(${gauge('accepting')})`, 'accepting'],
          [`count(${ofProcess('up')} == 1)`, 'up'],
        ],
      },
      {
        title: 'Places taken',
        kind: 'gauge',
        width: 4,
        unit: 'percentunit',
        max: 1,
        thresholds: [0.7, 0.9],
        help: 'Streams over limits.streams. A new publisher is turned away at 100 %.',
        queries: [[`sum(${gauge('streams')}) / sum(${gauge('streams_limit')})`, '']],
      },
      {
        title: 'Asked of the depth workers',
        kind: 'gauge',
        width: 4,
        unit: 'percentunit',
        max: 2,
        thresholds: [0.8, 1.2],
        help: "Time that the streams ask of the depth workers over what these have; the autoscaler's signal. Above 100 % pictures are passed over; at limits.utilisation publishers are turned away.",
        queries: [[`avg(${gauge('depth_utilisation_ratio')})`, '']],
      },
      {
        title: 'Sessions',
        width: 7,
        stack: true,
        help: 'ws: both ways on one peer; whip: publishers; whep: viewers.',
        queries: [[`sum by (kind) (${gauge('sessions')})`, '{{kind}}']],
      },
      {
        title: 'Inference over its target',
        width: 6,
        unit: 'none',
        help: 'Measured inference time over the published or budgeted one (settings: targets). 1 is on target.',
        queries: [[`max by (model, precision) (${gauge('inference_target_ratio')})`, '{{model}} {{precision}}']],
      },
    ],
  ],
  [
    'Latency',
    [
      {
        title: 'Frame latency: gray track',
        width: 8,
        unit: 's',
        help: 'Last packet of a frame in, to first packet of its depth out.',
        queries: quantiles('frame_latency_seconds', { where: 'output="track"' }),
      },
      {
        title: 'Frame latency: data channel',
        width: 8,
        unit: 's',
        queries: quantiles('frame_latency_seconds', { where: 'output="data"' }),
      },
      {
        title: 'Set-up: offer to connected, and to first depth',
        width: 8,
        unit: 's',
        help: 'connected: ICE and DTLS are done. first_depth waits for the first keyframe too.',
        queries: quantiles('session_setup_seconds', { by: 'milestone', legend: '{{milestone}}' }),
      },
      ...[0.5, 0.95, 0.99].map((q) => ({
        title: `Stages, p${q * 100}`,
        width: 8,
        unit: 's',
        help: "Where a frame's time goes. queue grows first when there is too much to do.",
        queries: [
          [`histogram_quantile(${q}, ${rate('stage_duration_seconds_bucket', { by: 'stage, le' })})`, '{{stage}}'],
        ],
      })),
    ],
  ],
  [
    'Frame flow',
    [
      {
        title: 'Frames by what became of them',
        width: 8,
        unit: 'hertz',
        stack: true,
        help: 'depth: a map was made; dropped: a newer frame took its place; undecodable: its references were lost; failed: the network failed on it.',
        queries: [[rate('frames_total', { by: 'outcome' }), '{{outcome}}']],
      },
      {
        title: 'Frames without depth, share',
        width: 8,
        unit: 'percentunit',
        queries: [
          [
            `${rate('frames_total', { by: 'outcome', where: 'outcome!="depth"' })} / ignoring(outcome) group_left ${rate('frames_total')}`,
            '{{outcome}}',
          ],
        ],
      },
      {
        title: 'Frame rate of streams (median; slowest tenth)',
        width: 8,
        unit: 'none',
        help: 'Each stream once a second. The line of out falling away from in is what users see as a stutter.',
        queries: [0.5, 0.1].map((q) => [
          `histogram_quantile(${q}, ${rate('stream_frame_rate_bucket', { by: 'direction, le' })})`,
          `{{direction}} p${q * 100}`,
        ]),
      },
      {
        title: 'Data channel: frames',
        width: 8,
        unit: 'hertz',
        help: 'dropped: the receiver had not taken the frame before.',
        queries: [[rate('channel_frames_total', { by: 'outcome' }), '{{outcome}}']],
      },
      {
        title: 'New epochs by cause',
        width: 8,
        unit: 'none',
        help: 'Resets of temporal memory: starts, scene cuts, size changes, gaps, restarts of workers.',
        queries: [[`60 * ${rate('epochs_total', { by: 'cause' })}`, '{{cause}} a minute']],
      },
      {
        title: 'Sessions ended, by reason',
        width: 8,
        unit: 'none',
        queries: [[`60 * ${rate('session_ends_total', { by: 'kind, reason' })}`, '{{kind}}: {{reason}}, a minute']],
      },
    ],
  ],
  [
    'Network',
    [
      {
        title: 'RTP bitrate',
        width: 8,
        unit: 'bps',
        queries: [
          [`8 * ${rate('rtp_bytes_total', { by: 'direction' })}`, 'video {{direction}}'],
          [`8 * ${rate('channel_bytes_total')}`, 'depth packets out'],
        ],
      },
      {
        title: 'Loss',
        width: 8,
        unit: 'percentunit',
        help: 'In: packets that never came, before and after repair. Out: what receivers of gray tracks report, 95th percentile.',
        queries: [
          [
            `${rate('rtp_events_total', { where: 'event="lost"' })} / ${rate('rtp_packets_total', { where: 'direction="in"' })}`,
            'in, not repaired',
          ],
          [
            `${rate('rtp_events_total', { where: 'event="recovered"' })} / ${rate('rtp_packets_total', { where: 'direction="in"' })}`,
            'in, repaired',
          ],
          [`histogram_quantile(0.95, ${rate('receiver_loss_ratio_bucket', { by: 'le' })})`, 'out, p95'],
        ],
      },
      {
        title: 'NACK, retransmission, keyframe requests',
        width: 8,
        unit: 'hertz',
        queries: [[rate('rtp_events_total', { by: 'event' }), '{{event}}']],
      },
      {
        title: 'Receiver estimate (REMB)',
        width: 12,
        unit: 'bps',
        help: 'What receivers of gray tracks say that they can take; the encoder follows the slowest.',
        queries: quantiles('receiver_estimate_bits_per_second'),
      },
      { title: 'Round trip', width: 12, unit: 's', queries: quantiles('round_trip_seconds') },
    ],
  ],
  [
    'Workers',
    [
      {
        title: 'Depth workers',
        width: 8,
        unit: 'none',
        queries: [
          [`sum by (state) (${gauge('depth_workers')})`, '{{state}}'],
          [`sum(${gauge('depth_workers_limit')})`, 'the machines carry'],
        ],
      },
      {
        title: 'Worker restarts',
        width: 8,
        unit: 'none',
        help: 'A restart of a depth worker costs its streams a new epoch and about a second; one of a media worker ends its sessions.',
        queries: ['depth', 'media'].map((kind) => [
          `sum by (instance) (increase(${gauge(`${kind}_worker_restarts_total`)}${RATE}))`,
          `${kind} {{instance}}`,
        ]),
      },
      {
        title: 'Inference time',
        width: 8,
        unit: 's',
        queries: quantiles('stage_duration_seconds', { where: 'stage="inference"' }),
      },
      {
        title: 'Media workers',
        width: 8,
        unit: 'none',
        help: 'Threads that peers and sources live in. With server.mediaWorkers: auto there is one from the start, and more as streams come.',
        queries: [[`sum by (state) (${gauge('media_workers')})`, '{{state}}']],
      },
      {
        title: 'Media workers at work',
        width: 16,
        unit: 'percentunit',
        max: 1,
        help: 'Share of the last second in which the thread of each was at work: packets and codecs of its sessions, which never move to another.',
        queries: [[gauge('media_worker_utilisation_ratio'), '{{instance}} worker {{worker}}']],
      },
    ],
  ],
  [
    'Errors',
    [
      {
        title: 'Refused, by code',
        width: 16,
        unit: 'none',
        help: 'Requests, messages and packets that were refused. BUSY: full. UNAUTHORIZED: no valid token. INTERNAL: a fault of the server.',
        queries: [[`60 * ${rate('rejected_total', { by: 'code' })}`, '{{code}} a minute']],
      },
      {
        title: 'Alerts',
        kind: 'alerts',
        width: 8,
        queries: [],
      },
    ],
  ],
  [
    'Process',
    [
      {
        title: 'CPU',
        width: 6,
        unit: 'none',
        help: 'Cores in use.',
        queries: [[`sum by (instance) (rate(${ofProcess('process_cpu_seconds_total')}${RATE}))`, '{{instance}}']],
      },
      {
        title: 'Memory',
        width: 6,
        unit: 'bytes',
        queries: [
          [ofProcess('process_resident_memory_bytes'), 'resident {{instance}}'],
          [ofProcess('nodejs_heap_size_used_bytes'), 'JavaScript heap {{instance}}'],
        ],
      },
      {
        title: 'Event loop lag',
        width: 6,
        unit: 's',
        help: 'How late the main thread is. The sampling interval of 20 ms is part of the value. Media workers have threads of their own: see their utilisation.',
        queries: [
          [ofProcess('nodejs_eventloop_lag_p50_seconds'), 'p50 {{instance}}'],
          [ofProcess('nodejs_eventloop_lag_p99_seconds'), 'p99 {{instance}}'],
        ],
      },
      {
        title: 'File descriptors; garbage collection',
        width: 6,
        unit: 'none',
        queries: [
          [ofProcess('process_open_fds'), 'descriptors {{instance}}'],
          [
            `1000 * sum by (instance, kind) (rate(${ofProcess('nodejs_gc_duration_seconds_sum')}${RATE}))`,
            'ms/s in {{kind}} collection',
          ],
        ],
      },
    ],
  ],
];

const DATASOURCE = { type: 'prometheus', uid: 'prometheus' };
const KINDS = { stat: 'stat', gauge: 'gauge', alerts: 'alertlist' };

function panel({ title, kind, width, unit = 'none', max, stack, thresholds, help, queries }, id, x, y, height) {
  const steps = thresholds
    ? [
        { color: 'green', value: null },
        { color: 'orange', value: thresholds[0] },
        { color: 'red', value: thresholds[1] },
      ]
    : [{ color: 'green', value: null }];
  const custom = {
    fillOpacity: stack ? 25 : 0,
    lineWidth: 1,
    showPoints: 'never',
    stacking: { mode: stack ? 'normal' : 'none' },
  };
  return {
    id,
    title,
    type: KINDS[kind] ?? 'timeseries',
    ...(help ? { description: help } : {}),
    gridPos: { x, y, w: width, h: height },
    datasource: DATASOURCE,
    targets: queries.map(([expr, legendFormat], i) => ({
      refId: String.fromCharCode(65 + i),
      datasource: DATASOURCE,
      expr,
      legendFormat,
      ...(kind === 'stat' || kind === 'gauge' ? { instant: true } : {}),
    })),
    fieldConfig: {
      defaults: {
        unit,
        min: 0,
        ...(max === undefined ? {} : { max }),
        ...(kind ? {} : { custom }),
        thresholds: { mode: 'absolute', steps },
      },
      overrides: [],
    },
    options:
      kind === 'alerts'
        ? {
            alertName: 'Depthcast',
            stateFilter: { firing: true, pending: true },
            viewMode: 'list',
            datasource: 'Prometheus',
          }
        : kind
          ? { reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false } }
          : {
              legend: { displayMode: 'list', placement: 'bottom', showLegend: true },
              tooltip: { mode: 'multi', sort: 'desc' },
            },
  };
}

function dashboard() {
  const panels = [];
  let y = 0;
  for (const [title, row] of ROWS) {
    panels.push({
      id: panels.length + 1,
      type: 'row',
      title,
      collapsed: false,
      gridPos: { x: 0, y: y++, w: WIDTH, h: 1 },
      panels: [],
    });
    let x = 0;
    const height = title === 'Capacity' ? 6 : 8;
    for (const spec of row) {
      if (x + spec.width > WIDTH) {
        x = 0;
        y += height;
      }
      panels.push(panel(spec, panels.length + 1, x, y, height));
      x += spec.width;
    }
    y += height;
  }
  const variable = (name, label, query, extra) => ({
    name,
    label,
    type: 'query',
    datasource: DATASOURCE,
    query: { query, refId: name },
    definition: query,
    refresh: 2,
    sort: 1,
    ...extra,
  });
  return {
    uid: 'depthcast',
    title: 'depthcast',
    description: 'Made by scripts/dashboard.mjs. The alerts beside it: docker/prometheus/rules.yml.',
    tags: ['depthcast'],
    schemaVersion: 39,
    version: 1,
    editable: true,
    graphTooltip: 1,
    time: { from: 'now-1h', to: 'now' },
    refresh: '15s',
    templating: {
      list: [
        variable('job', 'Job', 'label_values(depthcast_build_info, job)', { includeAll: false, multi: false }),
        variable('instance', 'Server', 'label_values(depthcast_build_info{job="$job"}, instance)', {
          includeAll: true,
          allValue: '.+',
          multi: true,
          current: { text: 'All', value: '$__all' },
        }),
      ],
    },
    annotations: {
      list: [
        {
          name: 'Starts',
          datasource: DATASOURCE,
          enable: true,
          iconColor: 'blue',
          expr: `changes(process_start_time_seconds{${SCOPE}}[1m]) > 0`,
          titleFormat: 'started: {{instance}}',
        },
      ],
    },
    panels,
  };
}

const text = `${JSON.stringify(dashboard(), null, 2)}\n`;
if (process.argv.includes('--check')) {
  if (readFileSync(file, 'utf8') !== text) {
    console.error('the dashboard is out of date: run node scripts/dashboard.mjs');
    process.exit(1);
  }
} else writeFileSync(file, text);
