import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startProgram } from '../../test/support/program.ts';
import type { Evaluation } from '../evaluation/evaluate.ts';
import { readPicture } from '../evaluation/image.ts';

const RECORDING = 'test/vectors/eval/recording';
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'depthcast-test-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const start = (args: string[], env: Record<string, string> = {}) => startProgram(['eval', ...args], { env });

describe('eval', { timeout: 120_000 }, () => {
  it('prints JSON, and writes a report that needs nothing beside itself', async () => {
    // A name that a page must not take for markup.
    const sequence = join(folder, 'a<b>&"c"');
    cpSync(RECORDING, sequence, { recursive: true });
    const html = join(folder, 'report.html');
    const args = [sequence, '--compare', ':memory=off', '--baselines', '--json', '--html', html, '--threads', '1'];
    const { code, out, err } = await start(args).ended;
    expect(code, err).toBe(0);
    const result = JSON.parse(out) as Evaluation & { complete: boolean };
    expect(result.complete).toBe(true);
    expect(result.contenders.map(({ label }) => label)).toEqual([
      'depthcast-nano',
      'depthcast-nano:memory=off',
      'constant',
      'ramp',
    ]);
    expect(result.sequences[0]!.contenders[0]!.frames).toHaveLength(7);
    expect(result.differences.filter(({ measure }) => measure === 'tae')).toHaveLength(3);

    const page = readFileSync(html, 'utf8');
    expect(page).not.toMatch(/https?:|<script|<link|@import|url\(/);
    expect(page).not.toContain('a<b>');
    expect(page).toContain('a&lt;b&gt;&amp;&quot;c&quot;');
    expect(page.match(/<svg viewBox[^>]*role="img"/g)).toHaveLength(4);
    const images = [...page.matchAll(/<img src="data:image\/jpeg;base64,([^"]+)"/g)];
    // Three frames: colour, truth, and two of each contender that is no baseline.
    expect(images).toHaveLength(3 * (2 + 2 * 2));
    const jpeg = join(folder, 'shown.jpg');
    writeFileSync(jpeg, Buffer.from(images[0]![1]!, 'base64'));
    const picture = await readPicture(jpeg);
    expect([picture.width, picture.height]).toEqual([48, 36]);
    picture.close();
  });

  it('prints a table without colours in a pipe', async () => {
    const { code, out, err } = await start([RECORDING, '--max-frames', '2', '--threads', '1']).ended;
    expect(code, err).toBe(0);
    expect(out).toMatch(/sequence +AbsRel +d1 +d2 +d3 +RMSE m/);
    expect(out).toMatch(/recording +0\.\d{3} +\d\.\d{3}/);
    expect(out + err).not.toContain('\x1b');
  });

  it('stops at Ctrl-C: code 130, what is complete is told, nothing is left behind', async () => {
    const temporary = join(folder, 'tmp');
    mkdirSync(temporary);
    const args = [RECORDING, 'scene:static', '--max-frames', '1000000', '--json', '--threads', '1'];
    const { child, printed, ended } = start(args, { TMPDIR: temporary });
    while (!printed.err.includes('scene:static') && child.exitCode === null)
      await new Promise((resolve) => setTimeout(resolve, 20));
    child.kill('SIGINT');
    const { code, out, err } = await ended;
    expect([code, err]).toEqual([130, expect.stringContaining('stopped after 1 of 2 sequences')]);
    const result = JSON.parse(out) as Evaluation & { complete: boolean };
    expect([result.complete, result.sequences.map(({ name }) => name)]).toEqual([false, ['recording']]);
    expect(readdirSync(temporary).filter((name) => name.startsWith('depthcast-'))).toEqual([]);
  });

  it('refuses what cannot be done before it begins', async () => {
    const broken = join(folder, 'broken');
    cpSync(RECORDING, broken, { recursive: true });
    unlinkSync(join(broken, 'depth/000006.png'));
    for (const [args, message] of [
      [[RECORDING, broken], /BAD_DATASET .*7 pictures in color\/, 6 maps in depth\//],
      [[RECORDING, '--compare', 'ramp', '--baselines'], /BAD_OPTION .*ramp is named twice/],
      [[RECORDING, '--html', join(folder, 'no/where.html')], /BAD_OPTION .*cannot be written/],
      [[RECORDING, '--input-size', '100'], /BAD_SIZE .*depthcast-nano allows/],
    ] as const) {
      const { code, err } = await start([...args]).ended;
      expect([code, err], args.join(' ')).toEqual([1, expect.stringMatching(message)]);
    }
  });
});
