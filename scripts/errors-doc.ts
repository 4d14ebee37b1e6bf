// Writes docs/errors.md from the catalogue in src/errors.ts and the causes and cures in errors-table.ts. `--check` fails when the file
// differs.
import { readFileSync, writeFileSync } from 'node:fs';
import { CLIENT_ERRORS, type ClientErrorCode } from '../client/sdk/errors.ts';
import { CATALOGUE, type ErrorCode } from '../src/errors.ts';
import { ADVICE, CLIENT_ADVICE, SECTIONS } from './errors-table.ts';

const cell = (text: string): string => text.replaceAll('|', '\\|');
const row = (code: ErrorCode): string => {
  const [status, message] = CATALOGUE[code];
  return `| \`${code}\` | ${status} | ${[message, ...ADVICE[code]].map(cell).join(' | ')} |`;
};
const sections = Object.entries(SECTIONS).map(
  ([title, { about, advice }]) =>
    `## ${title}\n\n${about}\n\n| Code | HTTP | Message | Cause | What to do |\n|---|---:|---|---|---|\n${(Object.keys(advice) as ErrorCode[]).map(row).join('\n')}\n`,
);
const clientRows = (Object.keys(CLIENT_ERRORS) as ClientErrorCode[])
  .map((code) => `| \`${code}\` | ${[CLIENT_ERRORS[code], ...CLIENT_ADVICE[code]].map(cell).join(' | ')} |`)
  .join('\n');
const text = `# Errors

Every error that depthcast shows has a code, which never changes its meaning, and a message: the sentence below, then what exactly
is wrong. The catalogue is [\`src/errors.ts\`](../src/errors.ts).

- **HTTP**: the status below, and \`{"code", "message"}\` as JSON; \`Retry-After\` in seconds where waiting helps.
- **\`/ws\`**: \`{"type": "error", "code", "message", "about", "fatal", "retryAfter"?}\`; \`fatal\` ends the session.
- **Commands**: \`error CODE message\` on standard error. Exit status 0: done. 1: an error; of \`doctor\`, a finding that keeps
  depthcast from working. 2, \`run\` alone: files were written, of a video with damaged parts. 130 and 143: ended by Ctrl-C or SIGTERM;
  \`serve\` ends with 0 after them, and with 130 at the second Ctrl-C.
- **Metrics**: \`depthcast_rejected_total{code}\` counts those that clients caused.

${sections.join('\n')}
## The SDK

What a client adds to them (\`DepthError.code\`, [sdk.md](sdk.md)).

| Code | Message | Cause | What to do |
|---|---|---|---|
${clientRows}
`;

const listed = Object.values(SECTIONS).flatMap(({ advice }) => Object.keys(advice));
const missing = (Object.keys(CATALOGUE) as ErrorCode[]).filter((code) => listed.filter((c) => c === code).length !== 1);
const file = new URL('../docs/errors.md', import.meta.url);
if (missing.length > 0) {
  console.error(`scripts/errors-table.ts: not in exactly one section: ${missing.join(', ')}`);
  process.exit(1);
}
if (!process.argv.includes('--check')) writeFileSync(file, text);
else if (readFileSync(file, 'utf8') !== text) {
  console.error('docs/errors.md is out of date: run node --import tsx scripts/errors-doc.ts');
  process.exit(1);
}
