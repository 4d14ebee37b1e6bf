import { style } from '../src/cli/terminal.ts';
import type { Moment } from './load-run.ts';

const BARS = ' ▁▂▃▄▅▆▇█';
const HISTORY = 40;
const CLEAR = '\r\x1b[2K';

/** One line a second: in a terminal it replaces itself above a little picture of the past; in a pipe lines follow lines. */
export class LiveView {
  readonly #terminal = process.stdout.isTTY === true && process.env['TERM'] !== 'dumb';
  readonly #past: Moment[] = [];
  #drawn = 0;

  show(title: string, moment: Moment): void {
    this.#past.push(moment);
    if (this.#past.length > HISTORY) this.#past.shift();
    if (!this.#terminal) {
      console.log(`${title} ${line(moment)}`);
      return;
    }
    const lines = [
      `${style.bold(title)} ${line(moment)}`,
      `  ${style.dim('depth/s'.padEnd(8))}${style.cyan(bars(this.#past.map(({ fps }) => fps)))}`,
      `  ${style.dim('p95'.padEnd(8))}${style.yellow(bars(this.#past.map(({ latency }) => latency.p95)))}`,
    ];
    this.clear();
    process.stdout.write(lines.join('\n'));
    this.#drawn = lines.length;
  }

  /** Before anything else is printed. */
  clear(): void {
    if (this.#drawn === 0) return;
    process.stdout.write(`${CLEAR}${`\x1b[1A${CLEAR}`.repeat(this.#drawn - 1)}`);
    this.#drawn = 0;
  }
}

function line({ second, connected, wanted, fps, fpsPerStream, latency, ...moment }: Moment): string {
  const ms = (value: number) => (Number.isFinite(value) ? value.toFixed(0) : '-');
  const cores = (value: number) => (Number.isFinite(value) ? value.toFixed(2) : '-');
  return [
    `${String(second).padStart(4)} s`,
    `streams ${connected}/${wanted}`,
    `depth ${fps.toFixed(0)}/s (${fpsPerStream.toFixed(1)} each)`,
    `p50 ${ms(latency.p50)} p95 ${ms(latency.p95)} p99 ${ms(latency.p99)} ms`,
    `server ${cores(moment.serverCores)} cores ${ms(moment.serverRssMiB)} MiB`,
    `load ${cores(moment.loadCores)}`,
  ].join('  ');
}

function bars(values: number[]): string {
  const finite = values.map((value) => (Number.isFinite(value) ? value : 0));
  const most = Math.max(...finite, 1e-9);
  return finite.map((value) => BARS[Math.round((value / most) * (BARS.length - 1))]).join('');
}
