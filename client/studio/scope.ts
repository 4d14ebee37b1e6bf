import type { ReceivedFrame } from 'depthcast-client';
import { positionOf } from './scale.ts';

/** Rows of the trace, and of positions that it shows: a little beyond the display range on both sides. */
const ROWS = 256;
export const TOP = 1.04;
export const BOTTOM = -0.04;
/** Pictures a second are enough to set a level by. */
const INTERVAL_MS = 80;
/** Of the accent colour. */
const [RED, GREEN, BLUE] = [78, 211, 194];

/**
 * Depth as a waveform monitor has it: each column of the picture is a column of the trace, and how bright a point is says how
 * often that distance occurs in it. Beside it the histogram of all columns.
 */
export class Scope {
  readonly #trace: HTMLCanvasElement;
  readonly #histogram: HTMLCanvasElement;
  #image: ImageData | undefined;
  #counts = new Uint16Array(0);
  readonly #rows = new Uint32Array(ROWS);
  #drawnAt = 0;

  constructor(trace: HTMLCanvasElement, histogram: HTMLCanvasElement) {
    this.#trace = trace;
    this.#histogram = histogram;
  }

  show({ values, width, height, unit, near, far }: ReceivedFrame): void {
    const now = performance.now();
    if (now - this.#drawnAt < INTERVAL_MS || values.length === 0) return;
    this.#drawnAt = now;
    if (this.#counts.length !== width * ROWS) {
      this.#counts = new Uint16Array(width * ROWS);
      Object.assign(this.#trace, { width, height: ROWS });
      this.#image = new ImageData(width, ROWS);
    }
    this.#count(values, width, { unit, near, far });
    this.#draw(width, height);
  }

  #count(values: ArrayLike<number>, width: number, range: Parameters<typeof positionOf>[1]): void {
    const counts = this.#counts.fill(0);
    const rows = this.#rows.fill(0);
    for (let i = 0, x = 0; i < values.length; i++) {
      const position = positionOf(values[i]!, range);
      const row = Math.floor(((TOP - position) / (TOP - BOTTOM)) * ROWS);
      const held = Math.max(0, Math.min(ROWS - 1, Number.isNaN(row) ? ROWS - 1 : row));
      counts[held * width + x]!++;
      rows[held]!++;
      if (++x === width) x = 0;
    }
  }

  #draw(width: number, height: number): void {
    const image = this.#image!;
    const { data } = image;
    // A column with its pixels spread over a tenth of the rows counts as bright; more of them glow towards white.
    const scale = (10 * 255) / height;
    for (let i = 0; i < this.#counts.length; i++) {
      const light = Math.min(510, this.#counts[i]! * scale + (this.#counts[i]! > 0 ? 50 : 0));
      const glow = Math.max(0, light - 255);
      const level = Math.min(255, light) / 255;
      data[4 * i] = RED * level + glow;
      data[4 * i + 1] = GREEN * level + glow;
      data[4 * i + 2] = BLUE * level + glow;
      data[4 * i + 3] = 255;
    }
    this.#trace.getContext('2d')!.putImageData(image, 0, 0);
    this.#drawHistogram(width * height);
  }

  #drawHistogram(pixels: number): void {
    const canvas = this.#histogram;
    const context = canvas.getContext('2d')!;
    if (canvas.width !== 96 || canvas.height !== ROWS) Object.assign(canvas, { width: 96, height: ROWS });
    context.clearRect(0, 0, 96, ROWS);
    context.fillStyle = `rgb(${RED} ${GREEN} ${BLUE} / 0.75)`;
    const most = Math.max(pixels / 64, ...this.#rows);
    for (let row = 0; row < ROWS; row++) context.fillRect(0, row, 96 * Math.sqrt(this.#rows[row]! / most), 1);
  }
}
