import { existsSync } from 'node:fs';
import type { Config } from '../config/schema.ts';
import { knownModels } from '../model/library.ts';
import type { ModelManifest } from '../model/manifest.ts';
import { allowedSizes } from '../model/size.ts';
import { modelFolder } from '../model/store/folder.ts';
import { printTable } from './table.ts';
import { say, style } from './terminal.ts';

export function list(config: Config): void {
  const store = modelFolder(config.models.folder);
  const rows = knownModels({ store }).map(({ manifest, file }) => {
    const { sizes, default: size } = allowedSizes(manifest);
    const here = existsSync(file) ? 'ready' : 'not pulled';
    const range = sizes.length > 1 ? `${size} (${sizes[0]} to ${sizes.at(-1)})` : String(size);
    return [manifest.name, manifest.unit, range, precisionsOf(manifest), manifest.licence.split(';')[0]!, here];
  });
  printTable(['name', 'gives', 'size', 'precision', 'licence', 'here'], rows);
  say(
    '',
    style.dim(
      "the first precision is the model's own; others by --precision: of checkpoints fp32, fp16 and int8, of graphs what stands here",
    ),
  );
  say(style.dim(`checkpoints: ${store.checkpoints}`));
}

/** Its own, and what else there is of it without a checkpoint. */
const precisionsOf = (manifest: ModelManifest): string =>
  manifest.kind === 'graph' && manifest.int8 ? `${manifest.precision}, int8` : manifest.precision;
