// Writes docs/configuration.md from config/depthcast.yaml, which holds every key with its comment and default, and from the schema.
// `--check` fails when the two differ.
import { readFileSync, writeFileSync } from 'node:fs';
import { RELOADABLE } from '../src/config/reload.ts';

const root = new URL('../', import.meta.url);
const yaml = readFileSync(new URL('config/depthcast.yaml', root), 'utf8').trimEnd();
const live = RELOADABLE.map((key) => `\`${key}\``);
const file = new URL('docs/configuration.md', root);
const text = `# Configuration

Settings come from defaults, then a YAML file, then environment variables, then the command line; the last one wins.

- **File**: \`npm start -- --config FILE\`; without the option, \`config/depthcast.yaml\` of the working directory, where it exists.
- **Environment**: \`DEPTHCAST_SECTION_KEY\`, read as YAML: \`DEPTHCAST_SERVER_PORT=9000\`, \`DEPTHCAST_RTC_CODECS='[H264]'\`.
- **Command line**: \`npm start -- --help\`.

An unknown key or variable, or a value out of its range, stops the start with its name, where it stands and what is wrong.
Underscores within a key's name may be left out of a variable. \`npm start -- --print-config\` prints what is in force.

SIGHUP reads the settings again (file, environment and the same command line). These take effect for requests, peers and
streams that begin afterwards: ${live.join(', ')}. Others are named in the log and wait for a restart; settings that
cannot be read change nothing.

This is the file that is shipped: every key, its default, and what it does.

\`\`\`yaml
${yaml}
\`\`\`
`;
if (process.argv.includes('--check')) {
  if (readFileSync(file, 'utf8') !== text) {
    console.error('docs/configuration.md is out of date: run npx tsx scripts/configuration-doc.mjs');
    process.exit(1);
  }
} else writeFileSync(file, text);
