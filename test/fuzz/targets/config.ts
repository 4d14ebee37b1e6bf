import { readFileSync } from 'node:fs';
import { loadConfig } from '../../../src/config/load.ts';
import { damagedText } from '../mutate.ts';
import { defineTarget } from '../target.ts';
import { ScratchFile } from './scratch-file.ts';

const SHIPPED = readFileSync(new URL('../../../config/depthcast.yaml', import.meta.url), 'utf8');
/** Without comments, and one section at a time: most damage then hits a value. */
const SECTIONS = SHIPPED.split('\n')
  .filter((line) => !/^\s*(#|$)/.test(line))
  .join('\n')
  .split(/\n(?=\S)/);
const VALID = [
  ...SECTIONS,
  'server: &s\n  port: 1\n  tokens: [abcdefgh, {token: abcdefgh, publish: ["*"]}]\nlimits:\n  streams: 3\n',
  'rtc:\n  iceServers:\n    - urls: [stun:a:1, turn:b:2]\n      username: u\n      credential: c\n  portRange: [1, 2]\n',
];
let file: ScratchFile;

export default defineTarget({
  name: 'config',
  about: 'the YAML settings file',
  inputs: () => damagedText(VALID),
  open: () => {
    file = new ScratchFile('depthcast.yaml');
  },
  read: (text) => loadConfig({ file: file.write(text) }),
  close: () => file.remove(),
});
