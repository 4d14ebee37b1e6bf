import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Config } from '../config/schema.ts';
import { findManifest } from '../model/library.ts';
import { modelFolder } from '../model/store/folder.ts';
import { pullModel } from '../model/store/pull.ts';
import { redraw, say, style } from './terminal.ts';

const BAR = 28;
/** A terminal's bar is drawn this often at most. */
const DRAW_MS = 100;

/** Fetches models one after the other. Ctrl-C stops at once and keeps what has been received. */
export async function pull(names: string[], config: Config): Promise<void> {
  const store = modelFolder(config.models.folder);
  // All names first: a misspelt one is told before an hour's download.
  const models = names.map((name) => findManifest(name, { store }));
  const stop = new AbortController();
  const onSignal = () => stop.abort(new Error('stopped'));
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  try {
    for (const model of models) {
      const { manifest, file } = model;
      say(`${style.bold(manifest.name)}  ${manifest.title}`);
      say(`  licence  ${manifest.licence}  ${style.dim(manifest.source)}`);
      if (existsSync(file)) {
        say(`  ready    ${file}`);
        continue;
      }
      const progress = createProgress();
      const path = await pullModel(model, store, {
        mirror: config.models.mirror,
        signal: stop.signal,
        onProgress: progress.show,
        onRetry: ({ detail }) => progress.say(`  ${style.yellow('again')}    ${detail ?? 'the connection was lost'}`),
      }).finally(progress.end);
      say(`  ${style.green('ready')}    ${path} ${style.dim(size((await stat(path)).size))}`);
    }
  } catch (thrown) {
    if (!stop.signal.aborted) throw thrown;
    say(style.dim('stopped; the next pull goes on from here'));
    process.exitCode = 130;
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

/** A bar in a terminal; in a pipe a line for every tenth. */
function createProgress() {
  const terminal = process.stdout.isTTY;
  const began = performance.now();
  let from = -1;
  let drawn = 0;
  let tenth = -1;
  let open = false;
  const clear = () => {
    if (open) redraw();
    open = false;
  };
  return {
    show(done: number, total: number | undefined): void {
      if (from < 0) from = done;
      const now = performance.now();
      const whole = done === total;
      if (terminal) {
        if (now - drawn < DRAW_MS && !whole) return;
        drawn = now;
        const rate = (done - from) / Math.max(0.001, (now - began) / 1000);
        const part = total === undefined ? 0 : done / total;
        const bar = '█'.repeat(Math.round(part * BAR)).padEnd(BAR, '░');
        const left = total === undefined || rate === 0 ? '' : `, ${Math.ceil((total - done) / rate)} s left`;
        redraw(`  ${style.cyan(bar)} ${size(done)} of ${size(total)} ${style.dim(`${size(rate)}/s${left}`)}`);
        open = true;
      } else if (total !== undefined && Math.floor((10 * done) / total) > tenth) {
        tenth = Math.floor((10 * done) / total);
        say(`  ${String(10 * tenth).padStart(3)} %    ${size(done)} of ${size(total)}`);
      }
    },
    say(line: string): void {
      clear();
      say(line);
    },
    end: clear,
  };
}

const size = (bytes: number | undefined): string =>
  bytes === undefined ? '?' : bytes < 1e6 ? `${Math.round(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
