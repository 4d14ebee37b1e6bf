import type { JobEvents, JobStart, JobSummary } from '../files/job-types.ts';
import type { ModelManifest } from '../model/manifest.ts';
import { redraw, say, sayJson, style } from './terminal.ts';

const BAR = 24;
/** Milliseconds between two drawings of the bar, two JSON events, and two lines in a pipe. */
const DRAW_MS = 100;
const EVENT_MS = 1000;
const LINE_MS = 5000;

export interface Reporter extends JobEvents {
  stopping(): void;
  /** Takes the bar away. */
  end(): void;
  done(summary: JobSummary): void;
}

interface Pace {
  frames: number;
  expected: number | undefined;
  /** Frames a second since the start; how often real time that is; seconds to go. */
  fps: number;
  realTime: number;
  left: number | undefined;
}

/** Tells of a job: a bar in a terminal, plain lines in a pipe, JSON lines with `json`. */
export function createReporter(input: string, model: ModelManifest, { json = false }: { json?: boolean }): Reporter {
  const terminal = !json && process.stdout.isTTY;
  const every = json ? EVENT_MS : terminal ? DRAW_MS : LINE_MS;
  let start: JobStart | undefined;
  let began = 0;
  let shown = 0;
  let drawn = false;
  const event = (name: string, value: object) => sayJson({ event: name, ...value });
  const clear = () => {
    if (drawn) redraw();
    drawn = false;
  };
  return {
    start(value) {
      start = value;
      began = performance.now();
      const { size, network, device, precision, fps, frames, resumed } = value;
      if (json) {
        const { name, unit } = model;
        event('start', { input, model: name, unit, precision, device, size, network, fps, frames, resumed });
        return;
      }
      const of = frames === undefined ? '' : `, ${frames} frames`;
      say(`${style.bold(input)}  ${size.width}x${size.height}, ${number(fps)} fps${of}`);
      say(style.dim(`  ${model.name} at ${network.width}x${network.height} in ${precision} on ${device}`));
      if (resumed > 0) say(`  goes on at frame ${resumed}`);
    },
    progress(frames, expected) {
      const now = performance.now();
      if (start === undefined || (now - shown < every && frames !== expected)) return;
      shown = now;
      const pace = paceOf({ ...start, frames: expected }, frames, (now - began) / 1000);
      if (json) event('progress', pace);
      else if (terminal) {
        redraw(bar(pace));
        drawn = true;
      } else say(`  ${inWords(pace)}`);
    },
    stopping() {
      clear();
      if (!json) say(style.dim('closing the files; once more to stop at once'));
    },
    end: clear,
    done(summary) {
      const { frames, complete, interrupted, problems, notes, seconds, files, epochs, resumed } = summary;
      const pace = paceOf(summary, frames, Math.max(1e-6, seconds.run));
      if (json) {
        for (const text of [...problems, ...notes]) event('warning', { text });
        const rate = { fps: pace.fps, realTime: pace.realTime };
        event('done', { frames, resumed, complete, interrupted, ...rate, seconds, epochs, problems, files });
        return;
      }
      for (const text of [...problems, ...notes]) say(`  ${style.yellow('warning')}  ${text}`);
      if (resumed > 0 && resumed === frames && complete) {
        say(`  ${style.green('done')}  before: ${frames} frames`);
        return;
      }
      const state = interrupted ? style.yellow('stopped') : style.green('done');
      const times = `${seconds.run.toFixed(1)} s, ${seconds.inference.toFixed(1)} s of it in the network`;
      say(`  ${state}  ${frames} frames, ${number(pace.fps)} fps, ${number(pace.realTime)} x real time, ${times}`);
      for (const file of Object.values(files) as (string | undefined)[]) if (file) say(`  ${file}`);
    },
  };
}

function paceOf({ fps: sourceFps, frames: expected, resumed }: JobStart, frames: number, seconds: number): Pace {
  const fps = (frames - resumed) / seconds;
  const left = expected === undefined || fps === 0 ? undefined : Math.max(0, expected - frames) / fps;
  return { frames, expected, fps: round(fps), realTime: round(fps / sourceFps), left: left && round(left) };
}

function bar(pace: Pace): string {
  const part = pace.expected ? Math.min(1, pace.frames / pace.expected) : 0;
  const filled = '█'.repeat(Math.round(part * BAR)).padEnd(BAR, '░');
  return `  ${pace.expected ? `${style.cyan(filled)} ` : ''}${inWords(pace)}`;
}

function inWords({ frames, expected, fps, realTime, left }: Pace): string {
  const of = expected === undefined ? '' : ` of ${expected}`;
  const rest = left === undefined ? '' : `, ${duration(left)} left`;
  return `${frames}${of} frames  ${number(fps)} fps, ${number(realTime)} x real time${rest}`;
}

function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (value: number) => String(value).padStart(2, '0');
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

const round = (value: number): number => Number(value.toPrecision(4));
const number = (value: number): string =>
  value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
