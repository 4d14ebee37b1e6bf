import type { Difference, Evaluation } from '../evaluate.ts';
import {
  type ContenderResult,
  mainAlignment,
  median,
  SCORE_COLUMNS,
  type Scores,
  type SequenceResult,
} from '../results.ts';
import { chart, type Line } from './chart.ts';
import { depthColour, ERROR_END, errorColour, type PaintedSnapshot } from './paint.ts';
import { STYLE } from './style.ts';
import { escaped, fixed } from './text.ts';

export interface ReportFacts {
  version: string;
  /** As they were named on the command line. */
  datasets: readonly string[];
  date: Date;
  /** By sequence, in order. */
  snapshots: readonly (readonly PaintedSnapshot[])[];
}

/** The whole report: one HTML file that needs nothing beside itself. */
export function reportPage(evaluation: Evaluation, facts: ReportFacts): string {
  const { contenders, sequences, means, differences } = evaluation;
  const names = contenders
    .map(
      ({ label, description }, n) =>
        `<li><i class="swatch b${n}"></i><b>${escaped(label)}</b> <span class="note">${escaped(description)}</span></li>`,
    )
    .join('');
  const rows = [
    ...sequences.flatMap((sequence) =>
      sequence.contenders.map((result, n) =>
        row(n === 0 ? `<a href="#${anchor(sequence)}">${escaped(sequence.name)}</a>` : '', n, result),
      ),
    ),
    ...(sequences.length > 1
      ? means.map((mean, n) => row(n === 0 ? `mean of ${sequences.length}` : '', n, mean, 'mean'))
      : []),
  ].join('\n');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Depth evaluation: ${escaped(facts.datasets.join(', '))}</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>Depth evaluation</h1>
<p class="note">${escaped(facts.datasets.join(', '))} · ${facts.date.toISOString().slice(0, 16).replace('T', ' ')} UTC · depthcast ${escaped(facts.version)}</p>
<ul class="contenders">${names}</ul>
</header>
<main>
<section>
<h2>Results</h2>
<div class="wide"><table>
<thead><tr><th rowspan="2">sequence</th><th rowspan="2">model</th><th colspan="5">${contenders.some(({ unit }) => unit === 'metres') ? 'metres as they are, or ' : ''}one scale and shift for the clip</th><th colspan="2">fit to each frame</th><th colspan="2">fit to the first frame</th><th colspan="5">over time, at edges</th></tr>
<tr>${SCORE_COLUMNS.map(({ title }) => `<th>${title}</th>`).join('')}</tr></thead>
<tbody>
${rows}
</tbody></table></div>
<p class="note">AbsRel: mean of |predicted − true| / true. δ1, δ2, δ3: share of pixels within a factor 1.25, 1.25², 1.25³.
TAE: each frame's depth carried into the next one's camera against the depth there. TG: how far changes of disparity from frame to frame are off, of its range. Edge F1: Depth Pro's boundary F1, where truth is dense. Flicker: change from frame to frame where nothing moves, of the range of values.
ms: median of a frame in the depth worker, on this machine and whatever else it did.</p>
</section>
${
  differences.length > 0
    ? differenceTable(
        differences,
        contenders.map(({ label }) => label),
      )
    : ''
}
${sequences.map((sequence, n) => sequenceSection(sequence, facts.snapshots[n] ?? [])).join('\n')}
</main>
</body>
</html>
`;
}

function row(name: string, contender: number, scores: Scores & { label: string }, kind = ''): string {
  const cells = SCORE_COLUMNS.map(({ of, digits }) => fixed(of(scores), digits));
  const classes = [kind, name === '' ? '' : 'first'].filter(Boolean).join(' ');
  return `<tr class="${classes}"><th>${name}</th><td class="label"><i class="swatch b${contender}"></i>${escaped(scores.label)}</td>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;
}

function differenceTable(differences: readonly Difference[], labels: readonly string[]): string {
  const rows = differences.map((difference, n) => {
    const { label, measure, mean, low, high, frames, lowerIsBetter } = difference;
    // All intervals of one measure on one scale, so that they can be compared.
    const same = differences.filter((other) => other.measure === measure);
    const reach = Math.max(...same.flatMap((d) => [d.mean, d.low, d.high].filter(Number.isFinite).map(Math.abs)), 1e-9);
    const known = Number.isFinite(low);
    const told = known && (low > 0 || high < 0);
    const verdict = !known
      ? 'too few frames'
      : !told
        ? 'not told apart'
        : low > 0 === lowerIsBetter
          ? 'worse'
          : 'better';
    const x = (value: number) => (80 + (72 * value) / reach).toFixed(1);
    const whisker = known ? `<line x1="${x(low)}" x2="${x(high)}" y1="9" y2="9"/>` : '';
    const glyph = `<svg class="interval ${told ? verdict : ''}" viewBox="0 0 160 18" aria-hidden="true"><line class="zero" x1="80" x2="80" y1="0" y2="18"/>${whisker}<circle cx="${x(mean)}" cy="9" r="3.5"/></svg>`;
    const first = n === 0 || differences[n - 1]!.label !== label;
    const name = first ? `<i class="swatch b${labels.indexOf(label)}"></i>${escaped(label)}` : '';
    const range = known ? `${signed(low)} to ${signed(high)}` : '–';
    return `<tr class="${first ? 'first' : ''}"><th>${name}</th><td class="label">${escaped(MEASURES[measure] ?? measure)}</td><td>${signed(mean)}</td><td>${range}</td><td class="glyph">${glyph}</td><td class="label ${told ? verdict : 'note'}">${verdict}</td><td>${frames}</td></tr>`;
  });
  return `<section>
<h2>Paired differences to ${escaped(differences[0]!.against)}</h2>
<div class="wide"><table class="narrow">
<thead><tr><th>model</th><th>measure</th><th>difference</th><th>95 % interval</th><th></th><th></th><th>frames</th></tr></thead>
<tbody>${rows.join('\n')}</tbody></table></div>
<p class="note">Mean over frames of the model's number minus that of ${escaped(differences[0]!.against)} on the same frame, each sequence counting the same. Intervals by a moving-block bootstrap: how sure the difference is on these videos, not on others.</p>
</section>`;
}

const MEASURES: Record<string, string> = {
  'absRel none': 'AbsRel, metres as they are',
  'delta1 none': 'δ1, metres as they are',
  'absRel clip': 'AbsRel, one fit for the clip',
  'delta1 clip': 'δ1, one fit for the clip',
  'absRel frame': 'AbsRel, fit to each frame',
  'delta1 frame': 'δ1, fit to each frame',
  tae: 'TAE %',
  'temporal gradient': 'TG %',
  'boundary F1': 'edge F1',
};

const signed = (value: number): string => (value < 0 ? '−' : '+') + Math.abs(value).toFixed(4);

function sequenceSection(sequence: SequenceResult, snapshots: readonly PaintedSnapshot[]): string {
  const { name, frames, judged, width, height, fps, maxDepth, takes, truthTae, contenders } = sequence;
  const marks = takes.length === frames ? [] : takes;
  const lines = (of: (result: ContenderResult) => (number | undefined)[]): Line[] =>
    contenders.map((result, n) => ({
      label: result.label,
      colour: n,
      dashed: result.milliseconds === undefined,
      values: of(result),
    }));
  const options = { fps, marks, fromZero: true };
  const charts = [
    chart(
      lines((result) => result.frames.map(({ errors }) => errors?.[mainAlignment(result.errors)]?.absRel)),
      { ...options, title: 'AbsRel', unit: 'less is better' },
    ),
    chart(
      lines((result) => result.frames.map(({ errors }) => errors?.[mainAlignment(result.errors)]?.delta1)),
      { ...options, title: 'δ1', unit: 'more is better' },
    ),
    chart(
      lines((result) => result.frames.map(({ tae }) => tae)),
      {
        ...options,
        title: 'Temporal error',
        unit: '% to the frame before',
        level: truthTae === undefined ? undefined : { value: truthTae, label: 'truth itself' },
      },
    ),
    chart(lines(scaleDrift), {
      ...options,
      fromZero: false,
      title: 'Scale',
      unit: "of each frame's fit, % off the median",
    }),
  ].join('');
  const pictures = snapshots.map((snapshot) => snapshotRow(sequence, snapshot)).join('\n');
  return `<section id="${anchor(sequence)}">
<h2>${escaped(name)}</h2>
<p class="note">${frames} frames of ${width}×${height} at ${+fps.toFixed(2)} a second${judged < frames ? `, ${frames - judged} of them without depth that counts` : ''}; depth up to ${maxDepth} m counts${marks.length > 1 ? `; ${marks.length} takes, each aligned by itself` : ''}</p>
<div class="charts">${charts}</div>
${pictures}
${snapshots.length > 0 ? legend() : ''}
</section>`;
}

/** How the scale that suits each frame wanders: 0 throughout for a model that keeps it. */
function scaleDrift({ frames, milliseconds }: ContenderResult): (number | undefined)[] {
  // A baseline's scale says nothing about a model.
  if (milliseconds === undefined) return frames.map(() => undefined);
  const scales = frames.map(({ errors, scale }) => (errors ? scale : undefined));
  const middle = median(scales.filter((scale) => scale !== undefined));
  return scales.map((scale) => (scale === undefined || !middle ? undefined : 100 * (scale / middle - 1)));
}

function snapshotRow(
  { contenders, fps }: SequenceResult,
  { index, colour, truth, contenders: maps }: PaintedSnapshot,
): string {
  const image = (url: string, alt: string, caption: string) =>
    `<figure><img src="${url}" alt="${escaped(alt)}" loading="lazy"><figcaption>${caption}</figcaption></figure>`;
  const pairs = [
    image(colour, 'colour', `frame ${index}, ${(index / fps).toFixed(2)} s`) +
      image(truth, 'true depth', 'ground truth'),
    ...maps.flatMap((map, n) => {
      if (!map) return [];
      const { depth, error } = map;
      const { label, errors, frames } = contenders[n]!;
      const absRel = frames[index]?.errors?.[mainAlignment(errors)]?.absRel;
      return (
        image(depth, `depth by ${label}`, `<i class="swatch b${n}"></i>${escaped(label)}`) +
        image(error, `error of ${label}`, `error, AbsRel ${fixed(absRel, 3)}`)
      );
    }),
  ];
  return `<div class="pictures">${pairs.map((pair) => `<div>${pair}</div>`).join('')}</div>`;
}

function legend(): string {
  const gradient = (at: (t: number) => readonly number[]) =>
    Array.from(
      { length: 9 },
      (_, i) =>
        `rgb(${at(i / 8)
          .map(Math.round)
          .join(' ')})`,
    ).join(', ');
  const percent = (ratio: number) => `${ratio > 1 ? '+' : '−'}${Math.round(100 * Math.abs(ratio - 1))} %`;
  return `<p class="legend"><span>far</span><i style="background:linear-gradient(90deg, ${gradient(depthColour)})"></i><span>near</span>
<span class="gap">${percent(1 / ERROR_END)}, too near</span><i style="background:linear-gradient(90deg, ${gradient((t) => errorColour(ERROR_END ** (2 * t - 1)))})"></i><span>too far, ${percent(ERROR_END)}</span>
<i class="unknown"></i><span>no measurement</span></p>`;
}

const anchor = ({ name }: SequenceResult): string => name.replace(/[^\w-]+/g, '-');
