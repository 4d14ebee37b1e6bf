import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createGzip } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { needs } from '../../../test/support/needs.ts';
import { type DownloadOptions, download } from './download.ts';

// Against a real HTTP server on this machine, whose manners change from test to test.

const content = randomBytes(300_000);
const sha256 = createHash('sha256').update(content).digest('hex');
const ETAG = '"v1"';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;
let server: Server;
let base: string;
let handler: Handler;
let requests: IncomingMessage[];
let folder: string;
let path: string;

beforeAll(async () => {
  server = createServer((request, response) => {
    requests.push(request);
    handler(request, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  requests = [];
  handler = serve;
  folder = mkdtempSync(join(tmpdir(), 'depthcast-download-'));
  path = join(folder, 'deep', 'model.pth');
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A well-behaved file server: ranges, If-Range, 416. */
const serve: Handler = (request, response) => {
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  const fits = start > 0 && request.headers['if-range'] === ETAG;
  response.setHeader('etag', ETAG);
  if (fits && start >= content.length)
    return void response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end();
  const body = fits ? content.subarray(start) : content;
  if (fits) response.setHeader('content-range', `bytes ${start}-${content.length - 1}/${content.length}`);
  response.writeHead(fits ? 206 : 200, { 'content-length': body.length });
  response.end(body);
};

/** Sends the head of the file, then drops the connection. */
const cutAfter =
  (bytes: number, headers: Record<string, string> = { etag: ETAG }): Handler =>
  (_request, response) => {
    response.writeHead(200, { ...headers, 'content-length': content.length });
    response.write(content.subarray(0, bytes), () => setTimeout(() => response.destroy(), 20));
  };

const inSequence = (...handlers: Handler[]): Handler => {
  let next = 0;
  return (request, response) => handlers[Math.min(next++, handlers.length - 1)]!(request, response);
};

const fetchFile = (options: DownloadOptions = { sha256 }, name = 'model.pth') =>
  download(new URL(`${base}/${name}`), path, options);
const files = () => (existsSync(join(folder, 'deep')) ? readdirSync(join(folder, 'deep')).sort() : []);

describe('download', () => {
  it('fetches a file whole, tells its progress, and leaves nothing else', async () => {
    const seen: [number, number | undefined][] = [];
    await fetchFile({ bytes: content.length, sha256, onProgress: (done, total) => seen.push([done, total]) });
    expect(readFileSync(path).equals(content)).toBe(true);
    expect(files()).toEqual(['model.pth']);
    expect(seen[0]).toEqual([0, content.length]);
    expect(seen.at(-1)).toEqual([content.length, content.length]);
  });

  it('goes on after a cut connection, asking for the rest alone', async () => {
    handler = inSequence(cutAfter(100_000), serve);
    const lost: string[] = [];
    await fetchFile({ sha256, onRetry: (error) => lost.push(error.message) });
    expect(readFileSync(path).equals(content)).toBe(true);
    expect(requests).toHaveLength(2);
    const { range, 'if-range': ifRange } = requests[1]!.headers;
    expect([Number(/^bytes=(\d+)-$/.exec(range!)![1]) > 0, ifRange]).toEqual([true, ETAG]);
    expect(lost).toHaveLength(1);
  });

  it('goes on in a later call where a stopped one ended', async () => {
    handler = (_request, response) => {
      response.writeHead(200, { etag: ETAG, 'content-length': content.length });
      response.write(content.subarray(0, 50_000));
    };
    const stop = new AbortController();
    const onProgress = (done: number) => done >= 50_000 && stop.abort(new Error('Ctrl-C'));
    await expect(fetchFile({ sha256, signal: stop.signal, onProgress })).rejects.toThrow('Ctrl-C');
    expect(files()).toEqual(['model.pth.part', 'model.pth.part.json']);
    expect(readFileSync(`${path}.part`).equals(content.subarray(0, 50_000))).toBe(true);
    handler = serve;
    await fetchFile();
    expect(requests.at(-1)!.headers.range).toBe('bytes=50000-');
    expect(readFileSync(path).equals(content)).toBe(true);
    expect(files()).toEqual(['model.pth']);
  });

  it('ends what was whole but not yet named', async () => {
    handler = inSequence(cutAfter(100), serve);
    const stop = new AbortController();
    await expect(fetchFile({ signal: stop.signal, onRetry: () => stop.abort(new Error('stop')) })).rejects.toThrow();
    writeFileSync(`${path}.part`, content);
    await fetchFile({ bytes: content.length, sha256 });
    expect(requests.at(-1)!.headers.range).toBe(`bytes=${content.length}-`);
    expect(readFileSync(path).equals(content)).toBe(true);
  });

  it.each([
    ['ignores ranges', { etag: ETAG }],
    ['has no validator', {}],
    ['has a weak validator alone', { etag: 'W/"v1"' }],
  ])('begins anew with a server that %s', async (_name, headers) => {
    handler = inSequence(cutAfter(100_000, headers), (_request, response) => {
      response.writeHead(200, { ...headers, 'content-length': content.length }).end(content);
    });
    await fetchFile();
    expect(readFileSync(path).equals(content)).toBe(true);
    expect('if-range' in requests[1]!.headers).toBe('etag' in headers && headers.etag === ETAG);
  });

  it('begins anew when the file has changed meanwhile', async () => {
    handler = inSequence(cutAfter(100_000, { etag: '"v0"' }), serve);
    await fetchFile();
    expect(requests[1]!.headers['if-range']).toBe('"v0"');
    expect(readFileSync(path).equals(content)).toBe(true);
  });

  it('follows redirects and takes size and hash from Hugging Face’s headers', async () => {
    const redirect =
      (hash: string): Handler =>
      (request, response) => {
        if (request.url === '/cdn') return serve(request, response);
        response
          .writeHead(302, { location: '/cdn', 'x-linked-size': content.length, 'x-linked-etag': `"${hash}"` })
          .end();
      };
    handler = redirect(sha256);
    await fetchFile({});
    expect(readFileSync(path).equals(content)).toBe(true);
    rmSync(path);
    handler = redirect('0'.repeat(64));
    await expect(fetchFile({})).rejects.toMatchObject({ code: 'HASH_MISMATCH' });
    expect(files()).toEqual([]);
    handler = (_request, response) => response.writeHead(302, { location: '/model.pth' }).end();
    await expect(fetchFile({})).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED' });
  });

  it.each<[string, Handler, DownloadOptions, string, RegExp]>([
    ['another hash', serve, { sha256: 'f'.repeat(64) }, 'HASH_MISMATCH', /sha256/],
    ['another size', serve, { bytes: 5 }, 'HASH_MISMATCH', /300000 bytes, not 5/],
    ['404', (_request, response) => response.writeHead(404).end(), {}, 'DOWNLOAD_NOT_FOUND', /404/],
    ['403', (_request, response) => response.writeHead(403).end(), {}, 'DOWNLOAD_FAILED', /account/],
    [
      'a range that was not asked for',
      (_request, response) => response.writeHead(206, { 'content-range': 'bytes 9-10/11' }).end('ab'),
      {},
      'DOWNLOAD_FAILED',
      /bytes 9-10/,
    ],
  ])('refuses %s at once and leaves nothing', async (_name, manners, options, code, message) => {
    handler = manners;
    const error = await fetchFile(options).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
    expect(requests).toHaveLength(1);
    expect(files()).toEqual([]);
  });

  it.each<[string, DownloadOptions, Record<string, string>, number]>([
    ['the manifest knows the size and the server tells none', { bytes: 1000 }, { etag: ETAG }, 1000],
    ['the body is compressed', { bytes: 1000 }, { etag: ETAG, 'content-encoding': 'gzip' }, 1000],
    ['a redirect told of the size', {}, {}, 1000],
  ])('stops at the size that was expected, where %s', async (_name, options, headers, expected) => {
    let sent = 0;
    const endless: Handler = (_request, response) => {
      response.writeHead(200, headers);
      const gzip = headers['content-encoding'] === 'gzip' ? createGzip() : undefined;
      gzip?.pipe(response);
      const out = gzip ?? response;
      const more = () => {
        while (!response.destroyed && sent < 200 << 20) {
          sent += 1 << 16;
          if (!out.write(Buffer.alloc(1 << 16))) return void out.once('drain', more);
        }
      };
      response.on('error', () => {});
      more();
    };
    const redirect: Handler = (_request, response) => {
      response
        .writeHead(302, { location: `${base}/lfs`, 'x-linked-size': '1000', 'x-linked-etag': `"${sha256}"` })
        .end();
    };
    handler = options.bytes === undefined ? inSequence(redirect, endless) : endless;
    let most = 0;
    const onProgress = (done: number) => {
      most = Math.max(most, done);
    };
    const failed = download(new URL(`${base}/m`), path, { ...options, sha256, onProgress });
    await expect(failed).rejects.toMatchObject({
      code: 'HASH_MISMATCH',
      detail: expect.stringMatching(/more than the 1000/),
    });
    expect(most).toBeLessThanOrEqual(expected);
    expect(readdirSync(join(folder, 'deep'))).toEqual([]);
    // What the sockets' buffers took, no more.
    expect(sent).toBeLessThan(64 << 20);
  });

  it('begins anew where more is here than the whole file has', async () => {
    mkdirSync(join(folder, 'deep'), { recursive: true });
    writeFileSync(`${path}.part`, Buffer.concat([content, content]));
    writeFileSync(`${path}.part.json`, JSON.stringify({ url: `${base}/m`, etag: ETAG }));
    await download(new URL(`${base}/m`), path, { bytes: content.length, sha256 });
    expect(readFileSync(path)).toEqual(content);
  });

  it('tries again while the server is in trouble', async () => {
    handler = inSequence((_request, response) => response.writeHead(503).end(), serve);
    await fetchFile();
    expect(requests).toHaveLength(2);
  });

  it('says so when nobody is there', async () => {
    const closed = createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const { port } = closed.address() as AddressInfo;
    closed.close();
    const lost: string[] = [];
    const attempt = download(new URL(`http://127.0.0.1:${port}/x`), path, { onRetry: (e) => lost.push(e.message) });
    await expect(attempt).rejects.toMatchObject({
      code: 'DOWNLOAD_FAILED',
      message: expect.stringContaining('ECONNREFUSED'),
    });
    expect(lost).toHaveLength(3);
    expect(files()).toEqual([]);
  });

  it('removes a file that its check refuses', async () => {
    const check = () => {
      throw new Error('no network in there');
    };
    await expect(fetchFile({ check })).rejects.toThrow('no network');
    expect(files()).toEqual([]);
  });
});

// A file system of 128 KiB, seen by the child alone: it needs the right to mount.
const canMount =
  process.platform === 'linux' && (await run('unshare', ['-m', 'mount', '-t', 'tmpfs', 'tmpfs', tmpdir()])).code === 0;

describe('a full disk', needs(canMount, 'the right to mount (Linux, root)'), () => {
  /** Runs `download` in a child whose folder is the small file system; prints the result and what was left. */
  const pullInto = (url: string) => {
    const module = new URL('./download.ts', import.meta.url).href;
    const script = `
      import { existsSync, statSync } from 'node:fs';
      import { download } from ${JSON.stringify(module)};
      const code = await download(new URL(${JSON.stringify(url)}), ${JSON.stringify(path)}).then(() => 'whole', (e) => e.code);
      const part = ${JSON.stringify(`${path}.part`)};
      console.log(JSON.stringify({ code, part: existsSync(part) ? statSync(part).size : -1, whole: existsSync(${JSON.stringify(path)}) }));`;
    const file = join(folder, 'pull.mts');
    writeFileSync(file, script);
    const mount = `mkdir -p ${folder}/deep && mount -t tmpfs -o size=128k tmpfs ${folder}/deep`;
    return run('unshare', ['-m', 'sh', '-c', `${mount} && exec "$0" --import tsx ${file}`, process.execPath]);
  };

  it('is found out before anything is fetched, where the size is known', async () => {
    const { stdout } = await pullInto(`${base}/model.pth`);
    expect(JSON.parse(stdout)).toEqual({ code: 'DISK_FULL', part: -1, whole: false });
  });

  it('keeps what fitted, where the size is not known', async () => {
    handler = (_request, response) => {
      response.writeHead(200, { etag: ETAG });
      response.end(content);
    };
    const { stdout } = await pullInto(`${base}/model.pth`);
    const left = JSON.parse(stdout) as { code: string; part: number; whole: boolean };
    expect(left).toMatchObject({ code: 'DISK_FULL', whole: false });
    expect(left.part).toBeGreaterThan(50_000);
    expect(left.part).toBeLessThan(128 * 1024);
  });
});

function run(command: string, args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => (stdout += chunk));
    child.stderr.on('data', (chunk) => (stderr += chunk));
    child.on('error', () => resolve({ code: -1, stdout, stderr }));
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}
