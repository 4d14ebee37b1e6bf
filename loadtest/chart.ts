/** A line of a chart; NaN leaves a gap. */
export interface Series {
  name: string;
  /** 1..3: a colour of the page. */
  colour: 1 | 2 | 3;
  values: readonly number[];
}

export interface ChartOptions {
  title: string;
  unit: string;
  /** Of each value, growing; and its unit, if it has one. */
  x: readonly number[];
  xUnit: string;
  /** Values are counts: no fractions on the axis. */
  whole?: boolean;
  series: readonly Series[];
  /** A level that is drawn across, such as a threshold. */
  limit?: { value: number; label: string; below?: boolean };
  /** A dot at every value: few values that are steps of their own. */
  dots?: boolean;
}

const WIDTH = 520;
const HEIGHT = 210;
const LEFT = 46;
const RIGHT = 12;
const TOP = 14;
const BOTTOM = 30;
const TICKS = 4;

/** An inline SVG figure of lines over time, with a legend where there is more than one. */
export function lineChart({ title, unit, x, xUnit, whole, series, limit, dots }: ChartOptions): string {
  const finite = [...series.flatMap(({ values }) => values), limit?.value ?? 0].filter(Number.isFinite);
  const most = Math.max(...finite, 1e-9);
  const step = Math.max(whole ? 1 : 0, niceStep(most / TICKS));
  // A little air above the highest line.
  const top = step * Math.max(1, Math.ceil((1.04 * most) / step));
  const [from, to] = [x[0] ?? 0, Math.max(x.at(-1) ?? 1, (x[0] ?? 0) + 1)];
  const px = (value: number) => round(LEFT + ((value - from) / (to - from)) * (WIDTH - LEFT - RIGHT));
  const py = (value: number) => round(TOP + (1 - value / top) * (HEIGHT - TOP - BOTTOM));
  const grid = Array.from({ length: Math.round(top / step) + 1 }, (_, i) => i * step).map(
    (value) =>
      `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${py(value)}" y2="${py(value)}"/>` +
      `<text x="${LEFT - 8}" y="${py(value) + 4}" text-anchor="end">${label(value, step)}</text>`,
  );
  const xStep = Math.max(dots ? 1 : 0, niceStep((to - from) / 6));
  const columns: string[] = [];
  for (let value = Math.ceil(from / xStep) * xStep; value <= to + 1e-9; value += xStep)
    columns.push(
      `<text x="${px(value)}" y="${HEIGHT - 8}" text-anchor="middle">${label(value, xStep)}${escapeHtml(xUnit)}</text>`,
    );
  const lines = series.map(({ colour, values }) => {
    const path = linePath(values, (i) => px(x[i]!), py);
    const marks = dots
      ? values.map((v, i) =>
          Number.isFinite(v) ? `<circle class="dot c${colour}" cx="${px(x[i]!)}" cy="${py(v)}" r="3.5"/>` : '',
        )
      : [];
    return `<path class="line c${colour}" d="${path}"/>${marks.join('')}`;
  });
  const across = limit
    ? `<line class="limit" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${py(limit.value)}" y2="${py(limit.value)}"/>` +
      `<text class="limit-label" x="${LEFT + 4}" y="${py(limit.value) + (limit.below ? 14 : -5)}">${escapeHtml(limit.label)}</text>`
    : '';
  const legend =
    series.length > 1
      ? series.map(({ name, colour }) => `<span><i class="key c${colour}"></i>${escapeHtml(name)}</span>`).join('')
      : '';
  return (
    `<figure><figcaption><b>${escapeHtml(title)}</b><em>${escapeHtml(unit)}</em><span class="legend">${legend}</span></figcaption>` +
    `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(title)}">${grid.join('')}${columns.join('')}` +
    `${lines.join('')}${across}</svg></figure>`
  );
}

function linePath(values: readonly number[], px: (index: number) => number, py: (value: number) => number): string {
  let path = '';
  let drawing = false;
  values.forEach((value, i) => {
    if (Number.isFinite(value)) path += `${drawing ? 'L' : 'M'}${px(i)} ${py(value)}`;
    drawing = Number.isFinite(value);
  });
  return path;
}

/** 1, 2 or 5 times a power of ten, at least `least`. */
function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(least, 1e-9)));
  return ([1, 2, 5, 10].find((factor) => factor * power >= least * 0.999) ?? 10) * power;
}

const label = (value: number, step: number) => value.toFixed(Math.max(0, -Math.floor(Math.log10(step) + 1e-9)));
const round = (value: number) => Math.round(value * 10) / 10;

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]!);
}
