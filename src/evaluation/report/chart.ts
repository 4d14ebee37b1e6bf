import { escaped } from './text.ts';

const WIDTH = 340;
const HEIGHT = 172;
const LEFT = 44;
const RIGHT = 8;
const TOP = 8;
const BOTTOM = 30;
/** Points of a line; of more, the mean of neighbours is drawn. */
const MAX_POINTS = 400;

export interface Line {
  label: string;
  /** Which colour: 0.. in the order of contenders. */
  colour: number;
  dashed: boolean;
  /** One for each frame; gaps where there is none. */
  values: readonly (number | undefined)[];
}

export interface ChartOptions {
  title: string;
  /** What the vertical axis shows, with its unit. */
  unit: string;
  fps: number;
  /** Frames before which a line is drawn from top to bottom. */
  marks: readonly number[];
  /** The vertical axis begins at 0. */
  fromZero: boolean;
  /** A level to compare with. */
  level?: { value: number; label: string } | undefined;
}

/** A plot over time as inline SVG; colours come from the page's style sheet. Empty where there is nothing to draw. */
export function chart(lines: readonly Line[], options: ChartOptions): string {
  const { title, unit, fps, marks, fromZero, level } = options;
  const values = lines.flatMap((line) => line.values.filter((v): v is number => v !== undefined && Number.isFinite(v)));
  if (values.length === 0) return '';
  if (level) values.push(level.value);
  const frames = Math.max(...lines.map((line) => line.values.length));
  const ticks = niceTicks(
    fromZero ? 0 : values.reduce((a, b) => Math.min(a, b)),
    values.reduce((a, b) => Math.max(a, b)),
    4,
  );
  const [low, high] = [ticks[0]!, ticks.at(-1)!];
  const seconds = (frames - 1) / fps;
  const x = (frame: number) => LEFT + ((WIDTH - LEFT - RIGHT) * frame) / Math.max(1, frames - 1);
  const y = (value: number) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - (value - low) / (high - low));
  const digits = Math.max(0, -Math.floor(Math.log10(ticks[1]! - low) + 1e-9));
  const grid = ticks
    .map(
      (tick) =>
        `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at(y(tick))}" y2="${at(y(tick))}"/>` +
        `<text x="${LEFT - 6}" y="${at(y(tick) + 3.5)}" text-anchor="end">${tick.toFixed(digits)}</text>`,
    )
    .join('');
  const times = niceTicks(0, seconds, 5)
    .filter((t) => t <= seconds + 1e-9)
    .map((t) => `<text x="${at(x(t * fps))}" y="${HEIGHT - BOTTOM + 15}" text-anchor="middle">${+t.toFixed(3)}</text>`)
    .join('');
  const takes = marks
    .filter((mark) => mark > 0)
    .map((mark) => `<line class="mark" x1="${at(x(mark))}" x2="${at(x(mark))}" y1="${TOP}" y2="${HEIGHT - BOTTOM}"/>`)
    .join('');
  const floor = level
    ? `<line class="level" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at(y(level.value))}" y2="${at(y(level.value))}"/>`
    : '';
  const drawn = lines.map((line) => path(line, x, y)).join('');
  const note = level ? `<span class="note level-note">dotted: ${escaped(level.label)}</span>` : '';
  return `<figure class="chart"><figcaption>${escaped(title)} <small>${escaped(unit)}</small>${note}</figcaption>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escaped(title)} over time">${grid}${times}<text x="${WIDTH - RIGHT}" y="${HEIGHT - 3}" text-anchor="end">seconds</text>${takes}${floor}${drawn}</svg></figure>`;
}

function path(line: Line, x: (frame: number) => number, y: (value: number) => number): string {
  const step = Math.ceil(line.values.length / MAX_POINTS);
  let d = '';
  let pen = false;
  for (let start = 0; start < line.values.length; start += step) {
    const some = line.values
      .slice(start, start + step)
      .filter((v): v is number => v !== undefined && Number.isFinite(v));
    if (some.length === 0) {
      pen = false;
      continue;
    }
    const mean = some.reduce((a, b) => a + b, 0) / some.length;
    // A point alone would not show: it gets a length.
    d += `${pen ? 'L' : 'M'}${at(x(start + (step - 1) / 2))} ${at(y(mean))}${pen ? '' : 'h.01'}`;
    pen = true;
  }
  const style = line.dashed ? ' stroke-dasharray="5 3"' : '';
  return `<path class="line c${line.colour}"${style} d="${d}"><title>${escaped(line.label)}</title></path>`;
}

/** Round numbers from at or below `low` to at or above `high`, about `count` steps. */
export function niceTicks(low: number, high: number, count: number): number[] {
  const span = high > low ? high - low : Math.abs(high) || 1;
  const raw = span / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= raw - 1e-12)!;
  const first = Math.floor(low / step + 1e-9);
  const last = Math.max(first + 1, Math.ceil((low + span) / step - 1e-9));
  return Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
}

const at = (pixels: number): string => pixels.toFixed(1);
