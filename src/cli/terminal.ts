import { randomBytes } from 'node:crypto';
import { pino } from 'pino';
import { printable } from '../printable.ts';

const colours = process.stdout.isTTY && process.env['NO_COLOR'] === undefined && process.env['TERM'] !== 'dumb';
/** Begins a style in text that is still to be shown: nobody else can write it, so that foreign text styles nothing. */
const KEY = randomBytes(16).toString('hex');
const STYLES = new RegExp(`${KEY}(\\d+);`, 'g');
const paint = (code: number) => (text: string) => (colours ? `${KEY}${code};${text}${KEY}0;` : text);

/** Colours in a terminal, plain text in a pipe; for what is shown by the functions here. */
export const style = {
  bold: paint(1),
  dim: paint(2),
  red: paint(31),
  green: paint(32),
  yellow: paint(33),
  cyan: paint(36),
};

/** One line as it goes to the terminal: whatever came from others in it prints as text. */
const shown = (line: string): string => printable(line).replace(STYLES, '\x1b[$1m');

/** Prints lines. The one way to standard output for what is not raw data. */
export function say(...lines: string[]): void {
  // Unlike a stream's write, it survives a reader that is gone.
  console.log(lines.map(shown).join('\n'));
}

/** Prints lines to standard error. */
export function complain(...lines: string[]): void {
  console.error(lines.map(shown).join('\n'));
}

/** Draws a line over the last one that was drawn; nothing takes it away. */
export function redraw(line = '', stream: NodeJS.WriteStream = process.stdout): void {
  stream.write(`\r\x1b[K${shown(line)}`);
}

/** Prints a value for programs. */
export function sayJson(
  value: unknown,
  options: { indent?: number; replacer?: (key: string, value: unknown) => unknown } = {},
): void {
  console.log(JSON.stringify(value, options.replacer, options.indent).split('\n').map(printable).join('\n'));
}

const LEVELS: Record<number, string> = {
  10: style.dim('trace'),
  20: style.dim('debug'),
  30: style.green('info '),
  40: style.yellow('warn '),
  50: style.red('error'),
  60: style.red('fatal'),
};

/** A logger: lines for people in a terminal, JSON in a pipe. A full disk or a reader that is gone costs lines, no more. */
export function createLog(level: string): pino.Logger {
  process.stdout.on('error', () => {});
  if (!process.stdout.isTTY) return pino({ level, base: null }, { write: writeOrLose });
  const write = (line: string) => {
    const { level, time, msg, ...rest } = JSON.parse(line) as { level: number; time: number; msg?: string };
    const details = Object.entries(rest)
      .map(([key, value]) => `${style.dim(`${key}=`)}${typeof value === 'string' ? value : JSON.stringify(value)}`)
      .join(' ');
    const clock = new Date(time).toTimeString().slice(0, 8);
    process.stdout.write(`${shown(`${style.dim(clock)} ${LEVELS[level] ?? level} ${msg ?? ''} ${details}`)}\n`);
  };
  return pino({ level, base: null }, { write });
}

/** pino's own stream would end the process where a line cannot be written. */
function writeOrLose(line: string): void {
  try {
    process.stdout.write(`${printable(line.trimEnd())}\n`);
  } catch {
    // Nobody can be told.
  }
}
