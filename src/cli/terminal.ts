import { pino } from 'pino';

const colours = process.stdout.isTTY && process.env['NO_COLOR'] === undefined && process.env['TERM'] !== 'dumb';
const paint = (code: number) => (text: string) => (colours ? `\x1b[${code}m${text}\x1b[0m` : text);

/** Colours in a terminal, plain text in a pipe. */
export const style = {
  bold: paint(1),
  dim: paint(2),
  red: paint(31),
  green: paint(32),
  yellow: paint(33),
  cyan: paint(36),
};

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
    process.stdout.write(`${style.dim(clock)} ${LEVELS[level] ?? level} ${msg ?? ''} ${details}\n`);
  };
  return pino({ level, base: null }, { write });
}

/** pino's own stream would end the process where a line cannot be written. */
function writeOrLose(line: string): void {
  try {
    process.stdout.write(line);
  } catch {
    // Nobody can be told.
  }
}
