import { readdirSync, readFileSync } from 'node:fs';
import { networkSize } from '../../../src/depth/network-size.ts';
import { findManifest } from '../../../src/model/library.ts';
import { allowedSizes } from '../../../src/model/size.ts';
import { createWindow } from '../../../src/model/window.ts';
import { damagedJson } from '../mutate.ts';
import { defineTarget } from '../target.ts';
import { ScratchFile } from './scratch-file.ts';

const FOLDER = new URL('../../../models/', import.meta.url);
const VALID = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.json'))
  .map((name) => JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')) as unknown);
let file: ScratchFile;

export default defineTarget({
  name: 'manifest',
  about: 'model manifests, and the sizes and windows that they ask for',
  inputs: () => damagedJson(VALID),
  open: () => {
    file = new ScratchFile('model.json');
  },
  read: (text) => {
    const { manifest } = findManifest(file.write(text));
    allowedSizes(manifest);
    networkSize(manifest, 640, 480);
    createWindow(manifest.window).step();
  },
  close: () => file.remove(),
});
