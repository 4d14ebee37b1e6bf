import type { StageTimes } from 'depthcast-client';
import { byId, make } from '../dom.ts';

type Stage = keyof StageTimes;

/** In the order of a frame's way, bottom to top. Transport is slate, the network teal, waiting amber, the way back violet. */
const STAGES: readonly (readonly [Stage, string, string])[] = [
  ['assemble', 'Assemble', '#5a6974'],
  ['decode', 'Decode', '#8a9aa6'],
  ['preprocess', 'Preprocess', '#2f7391'],
  ['queue', 'Queue', '#e6b450'],
  ['inference', 'Inference', '#4ed3c2'],
  ['postprocess', 'Postprocess', '#2b8a80'],
  ['encode', 'Encode', '#8c7fd6'],
  ['send', 'Send', '#bdb4ec'],
];

const SPAN = 60_000;
/** The scale follows most of the samples; a single spike is cut off and does not flatten the rest for a minute. */
const SCALE_PERCENTILE = 0.95;
/** Left of the plot, for the scale. */
const MARGIN = 52;
const FOOT = 20;

interface Sample {
  at: number;
  stages: StageTimes;
}

/** Stacked areas of what each stage took, over the last minute. */
export class LatencyChart {
  readonly #canvas = byId('times-chart', HTMLCanvasElement);
  readonly #values = new Map<Stage, HTMLElement>();
  #samples: Sample[] = [];

  constructor() {
    const legend = byId('times-legend', HTMLUListElement);
    // Top to bottom, as the areas lie.
    for (const [stage, label, colour] of [...STAGES].reverse()) {
      const swatch = make('i');
      swatch.style.background = colour;
      const value = make('b', { className: 'dim', textContent: '–' });
      value.style.fontWeight = '400';
      this.#values.set(stage, value);
      legend.append(make('li', {}, swatch, label, value));
    }
    new ResizeObserver(() => this.#draw()).observe(this.#canvas);
  }

  push(stages: StageTimes): void {
    const at = performance.now();
    this.#samples = this.#samples.filter((sample) => sample.at > at - SPAN - 5_000);
    this.#samples.push({ at, stages });
    for (const [stage] of STAGES) {
      const value = stages[stage];
      const text = value === undefined ? '–' : `${value.toFixed(value < 9.95 ? 1 : 0)} ms`;
      const cell = this.#values.get(stage);
      if (cell) cell.textContent = text;
    }
    this.#draw();
  }

  clear(): void {
    this.#samples = [];
    for (const cell of this.#values.values()) cell.textContent = '–';
    this.#draw();
  }

  #draw(): void {
    const { clientWidth, clientHeight } = this.#canvas;
    const ratio = globalThis.devicePixelRatio;
    this.#canvas.width = Math.round(clientWidth * ratio);
    this.#canvas.height = Math.round(clientHeight * ratio);
    // As large as the text around it, which grows with the screen.
    const unit = Number.parseFloat(getComputedStyle(document.documentElement).fontSize) / 14;
    const [width, height] = [clientWidth / unit, clientHeight / unit];
    const context = this.#canvas.getContext('2d');
    if (!context || width === 0) return;
    context.scale(ratio * unit, ratio * unit);
    const totals = this.#samples.map(({ stages }) => STAGES.reduce((sum, [stage]) => sum + (stages[stage] ?? 0), 0));
    const highest = Math.max(10, percentile(totals, SCALE_PERCENTILE));
    const step = niceStep(highest / 3);
    const top = step * Math.ceil(highest / step);
    const plot = { width: width - MARGIN, height: height - FOOT - 8 };
    const y = (ms: number) => 8 + plot.height * (1 - ms / top);

    const now = this.#samples.at(-1)?.at ?? 0;
    const x = (at: number) => MARGIN + plot.width * (1 - (now - at) / SPAN);
    context.save();
    context.beginPath();
    context.rect(MARGIN, y(top), plot.width, plot.height);
    context.clip();
    const floor = this.#samples.map(() => 0);
    for (const [stage, , colour] of STAGES) {
      const shape = new Path2D();
      this.#samples.forEach((sample, i) => {
        shape.lineTo(x(sample.at), y(floor[i]! + (sample.stages[stage] ?? 0)));
      });
      for (let i = this.#samples.length - 1; i >= 0; i--) shape.lineTo(x(this.#samples[i]!.at), y(floor[i]!));
      context.fillStyle = colour;
      context.fill(shape);
      this.#samples.forEach((sample, i) => {
        floor[i]! += sample.stages[stage] ?? 0;
      });
    }
    context.restore();
    this.#drawAxes(context, { width, plot, step, top, y });
  }

  #drawAxes(
    context: CanvasRenderingContext2D,
    a: { width: number; plot: { width: number; height: number }; step: number; top: number; y: (ms: number) => number },
  ): void {
    const style = getComputedStyle(this.#canvas);
    context.font = `12px ${style.fontFamily}`;
    context.fillStyle = style.getPropertyValue('--text-dim');
    context.strokeStyle = 'rgb(156 170 180 / 0.16)';
    context.lineWidth = 1;
    context.textAlign = 'right';
    context.textBaseline = 'middle';
    const label = (ms: number) => (a.top < 1000 ? `${ms} ms` : `${ms / 1000} s`);
    for (let ms = 0; ms <= a.top; ms += a.step) {
      const line = Math.round(a.y(ms)) + 0.5;
      context.beginPath();
      context.moveTo(MARGIN, line);
      context.lineTo(a.width, line);
      context.stroke();
      context.fillText(label(ms), MARGIN - 8, line);
    }
    context.textBaseline = 'bottom';
    const baseline = a.plot.height + FOOT + 8;
    const labels: [number, string, CanvasTextAlign][] = [
      [0, '60 s ago', 'left'],
      [0.5, '30 s', 'center'],
      [1, 'now', 'right'],
    ];
    for (const [part, label, align] of labels) {
      context.textAlign = align;
      context.fillText(label, MARGIN + part * a.plot.width, baseline);
    }
  }
}

const percentile = (values: number[], p: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(p * values.length))] ?? 0;

/** The smallest of 1, 2, 5 times a power of ten that is at least `least`. */
export function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return (([1, 2, 5].find((m) => m * power >= least) ?? 10) as number) * power;
}
