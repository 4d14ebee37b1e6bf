import { existsSync, statSync } from 'node:fs';
import { mkdtemp, readdir, rm, stat, statfs } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import type { Config } from '../../config/schema.ts';
import { modelFolder } from '../../model/store/folder.ts';
import { type Finding, gibibytes, inArea } from './finding.ts';

const model = inArea('model');
const settings = inArea('settings');
/** The largest checkpoint and a graph of it need about this much. */
const MIN_FREE_SPACE = 4 * 2 ** 30;
const MAX_ENTRIES = 10_000;
const BROWSERS = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** Where pulled checkpoints and their graphs are kept. */
export async function modelCache({ models }: Config): Promise<Finding[]> {
  const { checkpoints } = modelFolder(models.folder);
  const folder = dirname(checkpoints);
  let existing = folder;
  while (!existsSync(existing) && existing !== dirname(existing)) existing = dirname(existing);
  const findings: Finding[] = [];
  const size = await folderSize(folder);
  const held = size === 0 ? 'empty' : gibibytes(size);
  const { bavail, bsize } = await statfs(existing);
  const free = bavail * bsize;
  const text = `${folder}, ${held}, ${gibibytes(free)} free on its disk`;
  findings.push(
    free < MIN_FREE_SPACE
      ? model.warn(
          'cache',
          text,
          `large models may not fit (${gibibytes(MIN_FREE_SPACE)}): free some, or set models.folder to another disk`,
        )
      : model.ok('cache', text),
  );
  try {
    await rm(await mkdtemp(join(existing, '.depthcast-doctor-')), { recursive: true });
    findings.push(model.ok('cache writable', 'yes'));
  } catch (thrown) {
    const advice = 'only the embedded model will run: set models.folder (or XDG_CACHE_HOME) to a folder of this user';
    findings.push(model.warn('cache writable', `no: ${(thrown as Error).message}`, advice));
  }
  return findings;
}

/** For the tests and for whoever wants to see the page here. */
export function browser(): Finding[] {
  const named = process.env['CHROMIUM_PATH'];
  const onPath = (process.env['PATH'] ?? '')
    .split(delimiter)
    .flatMap((folder) => BROWSERS.map((name) => join(folder, name)))
    .find((file) => existsSync(file));
  const usual = [
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    join(homedir(), '.cache/ms-playwright'),
    join(homedir(), 'Library/Caches/ms-playwright'),
  ].find((file) => existsSync(file));
  const found = named ?? onPath ?? usual;
  if (found !== undefined && existsSync(found)) return [settings.ok('browser', found)];
  if (named !== undefined)
    return [
      settings.warn('browser', `CHROMIUM_PATH names ${named}, which is not there`, 'set it to a Chromium, or unset it'),
    ];
  return [settings.ok('browser', 'no Chromium found; only the tests need one here, and npm test installs it')];
}

async function folderSize(folder: string): Promise<number> {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return 0;
  const entries = (await readdir(folder, { recursive: true })).slice(0, MAX_ENTRIES);
  const sizes = await Promise.all(
    entries.map((name) =>
      stat(join(folder, name)).then(
        (file) => (file.isFile() ? file.size : 0),
        () => 0,
      ),
    ),
  );
  return sizes.reduce((a, b) => a + b, 0);
}
