import fc from 'fast-check';
import { keyPaths, loadConfig } from '../../../src/config/load.ts';
import { damagedText } from '../mutate.ts';
import { defineTarget } from '../target.ts';

const NAMES = keyPaths().map((path) => `DEPTHCAST_${path.replace('.', '_').toUpperCase()}`);
const VALUES = ['9000', '[H264]', 'true', 'null', '0.5', '127.0.0.1', '{a: 1}', '"x"', '[{urls: stun:x:1}]'];

export default defineTarget({
  name: 'environment',
  about: 'settings from environment variables',
  inputs: () => fc.dictionary(damagedText(NAMES), damagedText(VALUES), { maxKeys: 3 }),
  read: (env) => loadConfig({ env }),
});
