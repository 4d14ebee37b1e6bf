import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formulaCheckpoint } from '../../test/support/checkpoint.ts';
import { formulaFrame, networkInput, TINY } from '../../test/support/formula.ts';
import { readNpy, writeNpy } from '../../test/support/npy.ts';
import { startProgram } from '../../test/support/program.ts';
import { NORMALISE } from '../model/graph/video-depth-anything.ts';

// The commands as a shell runs them, against a file server on this machine.

const folder = mkdtempSync(join(tmpdir(), 'depthcast-models-'));
const store = join(folder, 'store');
const at = (name: string) => join(folder, name);
const content = formulaCheckpoint(TINY);
const sha256 = createHash('sha256').update(content).digest('hex');
const TINY_OPTIONS = ['--heads', '3', '--layers', '0,1,2,3'];
let server: Server;
let base: string;
/** Bytes after which the server says nothing more. */
let stopAt = Number.POSITIVE_INFINITY;
const asked: { path: string; range: string | undefined }[] = [];

beforeAll(async () => {
  writeFileSync(at('tiny.pth'), content);
  server = createServer((request, response) => {
    const { range } = request.headers;
    asked.push({ path: request.url!, range });
    if (!request.url!.endsWith('.pth')) return void response.writeHead(404).end();
    const start = Number(/\d+/.exec(range ?? '')?.[0] ?? 0);
    response.setHeader('etag', '"1"');
    if (range) response.setHeader('content-range', `bytes ${start}-${content.length - 1}/${content.length}`);
    response.writeHead(range ? 206 : 200, { 'content-length': content.length - start });
    if (stopAt >= content.length) response.end(content.subarray(start));
    else response.write(content.subarray(start, stopAt));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true });
});

const start = (args: string[], env: Record<string, string> = {}) =>
  startProgram(['models', ...args], { env: { DEPTHCAST_MODELS_FOLDER: store, ...env } });
const run = (args: string[], env: Record<string, string> = {}) => start(args, env).ended;

/** A manifest of the tiny network with an address. */
function manifest(name: string, checkpoint: object = {}): string {
  const shipped = JSON.parse(readFileSync('models/vda-small.json', 'utf8')) as object;
  const file = at(`${name}.json`);
  writeFileSync(
    file,
    JSON.stringify({
      ...shipped,
      name,
      network: { heads: 3, taps: [0, 1, 2, 3] },
      checkpoint: { file: `${name}.pth`, url: `${base}/some/where/${name}.pth`, sha256, ...checkpoint },
    }),
  );
  return file;
}

const kept = () => (existsSync(join(store, 'checkpoints')) ? readdirSync(join(store, 'checkpoints')).sort() : []);

describe('models list', () => {
  it('names every model, its licence, and what can be run', async () => {
    const { code, all: out } = await run(['list']);
    expect(code).toBe(0);
    expect(out).toMatch(/depthcast-nano .*Apache-2\.0 +ready/);
    expect(out).toMatch(/vda-metric-large +metres .*CC-BY-NC-4\.0 +not pulled/);
  });
});

describe('models pull', () => {
  it('shows the licence and plain progress, and makes the model one that can be run', async () => {
    const file = manifest('whole');
    const { code, all: out } = await run(['pull', file]);
    expect(code, out).toBe(0);
    expect(out).toMatch(/licence +Apache-2\.0/);
    expect(out).toMatch(/100 % .*MB/);
    expect(out).not.toContain('\x1b');
    expect(readFileSync(join(store, 'checkpoints', 'whole.pth')).equals(content)).toBe(true);
    const again = asked.length;
    expect((await run(['pull', file])).all).toMatch(/ready/);
    expect(asked).toHaveLength(again);
  });

  it('keeps what has come at Ctrl-C, and goes on from there', async () => {
    const file = manifest('stopped');
    stopAt = 2_000_000;
    const { child, ended } = start(['pull', file]);
    const part = join(store, 'checkpoints', 'stopped.pth.part');
    while (!(existsSync(part) && statSync(part).size === stopAt)) await new Promise((done) => setTimeout(done, 20));
    child.kill('SIGINT');
    const { code, all: out } = await ended;
    expect([code, out]).toEqual([130, expect.stringContaining('goes on from here')]);
    stopAt = Number.POSITIVE_INFINITY;
    expect((await run(['pull', file])).code).toBe(0);
    expect(asked.at(-1)).toEqual({ path: '/some/where/stopped.pth', range: 'bytes=2000000-' });
    expect(readFileSync(join(store, 'checkpoints', 'stopped.pth')).equals(content)).toBe(true);
  });

  it('takes a mirror from the environment: same path, other host', async () => {
    const file = manifest('mirrored', { url: 'https://models.invalid/repo/mirrored.pth' });
    const { code, all: out } = await run(['pull', file], { DEPTHCAST_MODELS_MIRROR: `${base}/hub/` });
    expect(code, out).toBe(0);
    expect(asked.at(-1)?.path).toBe('/hub/repo/mirrored.pth');
  });

  it.each([
    ['a wrong hash', { sha256: 'a'.repeat(64) }, /HASH_MISMATCH .*sha256 is/],
    ['a file that is gone', { url: 'http://127.0.0.1:1/x.bin' }, /DOWNLOAD_NOT_FOUND .*404/],
    [
      'a file that is no network',
      { url: 'http://127.0.0.1:1/other.pth', sha256: undefined, bytes: 7 },
      /HASH_MISMATCH .*not 7/,
    ],
  ])('refuses %s with a code, and leaves nothing', async (_name, change, message) => {
    const before = kept();
    const { code, all: out } = await run(['pull', manifest('bad', change), '--mirror', base]);
    expect([code, out]).toEqual([1, expect.stringMatching(message)]);
    expect(kept()).toEqual(before);
  });

  it('refuses a name that is not known before it fetches the others', async () => {
    const before = asked.length;
    expect((await run(['pull', manifest('first'), 'vda-smal'])).all).toMatch(/MODEL_NOT_FOUND .*vda-small/);
    expect(asked).toHaveLength(before);
  });
});

describe('models convert, verify and bench', () => {
  const [W, H, N] = [112, 84, 6];
  beforeAll(() => {
    const inputs = new Float32Array(N * 3 * W * H);
    for (let t = 0; t < N; t++)
      inputs.set(
        networkInput(formulaFrame(t, 128, 96), { width: 128, height: 96 }, { width: W, height: H }, NORMALISE),
        t * 3 * W * H,
      );
    writeNpy(at('in.npy'), [N, 3, H, W], inputs);
    writeNpy(at('zeros.npy'), [N, H, W], new Float32Array(N * H * W));
  });

  it('writes a graph that streams as the checkpoint does, and measures how far a reference is', async () => {
    const made = await run(['convert', at('tiny.pth'), '--out', at('made.onnx'), '--size', '112x84', ...TINY_OPTIONS]);
    expect(made.code, made.all).toBe(0);
    expect(readdirSync(folder).filter((name) => name.startsWith('.convert-'))).toEqual([]);

    const inputs = ['--inputs', at('in.npy')];
    const far = await run(['verify', at('made.onnx'), ...inputs, '--expected', at('zeros.npy')]);
    expect([far.code, far.all]).toEqual([1, expect.stringMatching(/PARITY_FAILED/)]);
    // Against zeros the largest error is the largest depth: the committed reference has the same in its first frames.
    const reference = readNpy('test/vectors/vda/tiny_stream_net.npy');
    const largest = Math.max(...reference.data.subarray(0, N * 21 * 28));
    const error = Number(/max abs error +(\S+)/.exec(far.all)![1]);
    expect(error).toBeGreaterThan(0.99 * largest);
    expect(error).toBeLessThan(1.3 * largest);

    const same = await run([
      'verify',
      at('tiny.pth'),
      ...TINY_OPTIONS,
      ...inputs,
      '--expected',
      at('zeros.npy'),
      '--tolerance',
      '99',
    ]);
    expect(same.code, same.all).toBe(0);
    expect(/max abs error +(\S+)/.exec(same.all)![1]).toBe(/max abs error +(\S+)/.exec(far.all)![1]);
  });

  it('writes eight bits on request, says how far they are from fp32, and checks that again when they are run', async () => {
    const low = ['--precision', 'int8', ...TINY_OPTIONS];
    const made = await run(['convert', at('tiny.pth'), '--out', at('low.onnx'), '--size', '112x84', ...low]);
    expect(made.code, made.all).toBe(0);
    expect(made.all).toMatch(/error +[\d.]+ % of a depth map's spread from fp32/);
    const reference = new Float32Array(readFileSync(at('low.reference')).buffer.slice(0));
    writeFileSync(at('low.reference'), reference.toReversed());
    const refused = await run(['verify', at('low.onnx'), '--inputs', at('in.npy'), '--expected', at('zeros.npy')]);
    expect([refused.code, refused.all]).toEqual([
      1,
      expect.stringMatching(/BAD_OUTPUT .*low, int8, 112x84 on onnxruntime's CPU/),
    ]);
  });

  it.each([
    [
      'an encoder that is another',
      ['convert', 'tiny.pth', '--out', 'x.onnx', '--encoder', 'vits', ...TINY_OPTIONS],
      /BAD_CHECKPOINT .*96 channels/,
    ],
    [
      'a size that is no multiple of 14',
      ['convert', 'tiny.pth', '--out', 'x.onnx', '--size', '100x84', ...TINY_OPTIONS],
      /BAD_SIZE .*14/,
    ],
    [
      'inputs of another size',
      ['verify', 'tiny.pth', '--inputs', 'zeros.npy', '--expected', 'zeros.npy', ...TINY_OPTIONS],
      /BAD_ARRAY .*N,3,H,W/,
    ],
    [
      'a file that is not an array',
      ['verify', 'tiny.pth', '--inputs', 'tiny.pth', '--expected', 'zeros.npy', ...TINY_OPTIONS],
      /BAD_ARRAY/,
    ],
  ])('refuse %s', async (_name, args, message) => {
    const inFolder = args.map((arg) => (/\.(pth|npy|onnx)$/.test(arg) ? at(arg) : arg));
    const { code, all: out } = await run(inFolder);
    expect([code, out]).toEqual([1, expect.stringMatching(message)]);
    expect(existsSync(at('x.onnx'))).toBe(false);
  });

  it('prints a row for each size and number of threads', async () => {
    const sizes = ['--input-size', '84', '98', '--threads', '1', '--frames', '2'];
    const { code, all: out } = await run(['bench', at('tiny.pth'), ...TINY_OPTIONS, ...sizes]);
    expect(code, out).toBe(0);
    expect(out).toMatch(/112x84 +1 +\d/);
    expect(out).toMatch(/126x98 +1 +\d/);
    expect(out).toMatch(/no target/);
  });
});
