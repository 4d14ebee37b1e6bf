import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Running, startProgram } from '../../test/support/program.ts';
import { writeVideo } from '../../test/support/video-file.ts';
import { createScene } from '../scene/scene.ts';
import { y4mFile } from '../scene/y4m.ts';
import { countFrames } from '../video/video-writer.ts';

// The command as a shell runs it.

const folder = mkdtempSync(join(tmpdir(), 'depthcast-run-'));
const at = (name: string) => join(folder, name);
const SIZE = { width: 96, height: 64 };

beforeAll(() => writeVideo(at('clip.mp4'), { ...SIZE, frames: 40, indexFirst: true }));
afterAll(() => rmSync(folder, { recursive: true }));

const start = (...args: string[]) =>
  startProgram(['run', ...args, '--input-size', '160', '--threads', '1'], { stdin: 'pipe' });
const run = (...args: string[]) => start(...args).ended;

/** Events of --json. */
const events = (out: string): { event: string; [key: string]: unknown }[] =>
  out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

const BYTES_OF_MAP = 4 * SIZE.width * SIZE.height;

/** Waits until an archive holds so many maps. */
async function mapsIn(path: string, count: number, { child }: Running): Promise<void> {
  while (child.exitCode === null && !(existsSync(path) && statSync(path).size > count * BYTES_OF_MAP))
    await new Promise((done) => setTimeout(done, 10));
}

describe('depthcast run', { timeout: 90_000 }, () => {
  it('takes y4m on standard input, and tells machines what it did', async () => {
    const running = start('-', '--out', at('stdin'), '--json');
    for (const piece of y4mFile(createScene('static', { width: 64, height: 48 }), 6))
      running.child.stdin!.write(Buffer.from(piece));
    running.child.stdin!.end();
    const { code, all: out } = await running.ended;
    expect(code, out).toBe(0);
    const [first, ...rest] = events(out);
    expect(first).toMatchObject({ event: 'start', model: 'depthcast-nano', size: { width: 64, height: 48 }, fps: 30 });
    expect(rest.at(-1)).toMatchObject({ event: 'done', frames: 6, complete: true, problems: [], epochs: [0] });
    expect(await countFrames(at('stdin/stdin_vis.mp4'))).toBe(6);
    expect(JSON.parse(readFileSync(at('stdin/stdin_depths.json'), 'utf8'))).toMatchObject({
      frames: 6,
      complete: true,
    });
  });

  it('closes its files at Ctrl-C, and goes on after that and after a kill', async () => {
    const args = ['scene:static@96x64', '--out', at('stopped'), '--max-len', '150', '--save-npz'];
    const npz = at('stopped/scene-static_depths.npz');
    const first = start(...args);
    await mapsIn(npz, 20, first);
    first.child.kill('SIGINT');
    const stopped = await first.ended;
    expect([stopped.code, stopped.all]).toEqual([130, expect.stringMatching(/stopped +\d+ frames/)]);
    const frames = Number(/stopped +(\d+) frames/.exec(stopped.all)![1]);
    expect(frames).toBeGreaterThanOrEqual(20);
    expect(frames).toBeLessThan(150);
    expect(await countFrames(at('stopped/scene-static_vis.mp4'))).toBe(frames);
    expect(readFileSync(npz).toString('latin1', 0, 300)).toContain(`'shape': (${frames}, 64, 96)`);

    const second = start(...args, '--resume');
    await mapsIn(npz, frames + 30, second);
    second.child.kill('SIGKILL');
    expect((await second.ended).signal).toBe('SIGKILL');

    const third = await run(...args, '--resume', '--max-len', '150', '--json');
    expect(third.code, third.all).toBe(0);
    const done = events(third.all).at(-1)!;
    expect(done).toMatchObject({ event: 'done', frames: 150, complete: true });
    expect(Number(done['resumed'])).toBeGreaterThanOrEqual(frames);
    for (const kind of ['vis', 'src']) expect(await countFrames(at(`stopped/scene-static_${kind}.mp4`))).toBe(150);
    expect(readFileSync(npz).toString('latin1', 0, 300)).toContain(`'shape': (150, 64, 96)`);
  });

  it('keeps what decodes of a damaged input, warns, and ends with status 2', async () => {
    const whole = readFileSync(at('clip.mp4'));
    writeFileSync(at('cut.mp4'), whole.subarray(0, whole.length * 0.6));
    const { code, all: out } = await run(at('cut.mp4'), '--out', at('cut'));
    expect([code, out]).toEqual([2, expect.stringMatching(/warning +it ends after \d+ of 40 frames/)]);
    expect(out).not.toContain('\x1b');
    const frames = Number(/done +(\d+) frames/.exec(out)![1]);
    expect(await countFrames(at('cut/cut_vis.mp4'))).toBe(frames);
  });

  it('reads a URL, and ends with status 2 when the server falls silent', async () => {
    const bytes = readFileSync(at('clip.mp4'));
    const server = createServer((request, response) => {
      response.writeHead(200, { 'content-length': bytes.length });
      if (request.url === '/whole.mp4') response.end(bytes);
      else response.write(bytes.subarray(0, bytes.length * 0.6));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      const whole = await run(`${base}/whole.mp4`, '--out', at('served'));
      expect([whole.code, whole.all]).toEqual([0, expect.stringMatching(/done +40 frames/)]);
      const half = await run(`${base}/half.mp4?token=1`, '--out', at('served'), '--timeout', '2');
      expect([half.code, half.all]).toEqual([2, expect.stringMatching(/warning +the source stalled/)]);
      expect(await countFrames(at('served/half_vis.mp4'))).toBeGreaterThan(5);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  it.each([
    ['what is not there', [at('none.mp4')], /BAD_VIDEO .*does not exist/],
    ['a pattern that names nothing', [at('*.png')], /BAD_VIDEO .*no images/],
    ['a scene that there is not', ['scene:nowhere'], /UNKNOWN_SCENE .*street/],
    [
      'an encoder that is not pulled',
      [at('clip.mp4'), '--encoder', 'vits', '--metric'],
      /MODEL_NOT_FOUND .*models pull vda-metric-small/,
    ],
    ['metres of a model without', [at('clip.mp4'), '--metric'], /BAD_OPTION .*metres/],
    ['to resume from a pipe', ['-', '--resume'], /BAD_OPTION .*cannot be read again/],
  ])('refuses %s', async (_name, args, message) => {
    const { code, all: out } = await run(...args, '--out', at('refused'));
    expect([code, out]).toEqual([1, expect.stringMatching(message)]);
  });
});
