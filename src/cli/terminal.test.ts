import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { globSync } from 'tinyglobby';
import { expect, it } from 'vitest';

const HOSTILE = '\u001b[2J\u001b]0;title\u0007\r\n\u009b31m\u202e{"level":30,"msg":"forged"}';
const ROOT = new URL('../../', import.meta.url).pathname;

/** What a script prints that uses the functions of the terminal, with a terminal or a pipe before it. */
function run(script: string, terminal: boolean): string {
  const code = `
    ${terminal ? "Object.defineProperty(process.stdout, 'isTTY', { value: true }); process.env.TERM = 'xterm'; delete process.env.NO_COLOR;" : ''}
    const { createLog, say, sayJson, complain, redraw, style } = await import(${JSON.stringify(`${ROOT}src/cli/terminal.ts`)});
    const foreign = ${JSON.stringify(HOSTILE)};
    ${script}`;
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '-e', code],
    {
      cwd: ROOT,
      encoding: 'utf8',
    },
  );
  expect(status, stderr).toBe(0);
  return stdout + stderr;
}

const SCRIPT = `
  const log = createLog('info');
  log.info({ code: 'X', detail: foreign, [foreign]: foreign, nested: { list: [foreign] } }, foreign);
  log.error({ err: new Error(foreign) }, 'failed');
  say(foreign, style.red(foreign));
  complain(foreign);
  sayJson({ foreign }, { indent: 2 });
`;

it('in a pipe nothing foreign is printed but as text', () => {
  const out = run(SCRIPT, false);
  expect(out).not.toMatch(/[^\P{Cc}\n]|\u202e/u);
  for (const line of out.split('\n').slice(0, 2)) expect(() => JSON.parse(line)).not.toThrow();
  expect(JSON.parse(out.split('\n')[0]!)).toMatchObject({ detail: HOSTILE, msg: HOSTILE });
  expect(out.split('\n').filter((line) => line.startsWith('{"level":30,"msg":"forged"'))).toEqual([]);
});

it('in a terminal there are colours, and they are ours', () => {
  const out = run(`${SCRIPT} redraw(foreign);`, true);
  const ours = ['\r\u001b[K', ...[0, 1, 2, 31, 32, 33, 36].map((code) => `\u001b[${code}m`)];
  const plain = ours.reduce((text, sequence) => text.replaceAll(sequence, ''), out);
  expect(plain).not.toMatch(/[^\P{Cc}\n]|\u202e/u);
  expect(out).toContain(`\u001b[31m\\u001b[2J`);
  expect(out.split('\n').filter((line) => line.startsWith('{"level":30,"msg":"forged"'))).toEqual([]);
});

it('is the one way out: nothing else in the program prints', () => {
  const files = globSync(['src/**/*.ts', '!src/**/*.test.ts', '!src/cli/terminal.ts'], { cwd: ROOT });
  expect(files.length).toBeGreaterThan(200);
  const printing = files.filter((file) =>
    /\bconsole\.|std(out|err)\.write\((?!'',|JSON\.stringify\()/.test(readFileSync(`${ROOT}${file}`, 'utf8')),
  );
  expect(printing).toEqual([]);
});
