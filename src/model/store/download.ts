import { type FileHandle, open, readFile, rename, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DepthcastError } from '../../errors.ts';
import { makeFolder } from '../../make-folder.ts';
import { fileHash } from './hash.ts';
import { type Answer, Interrupted, request } from './request.ts';

/** Tries in all; a cut connection, a timeout and a 5xx are worth another one. */
const MAX_TRIES = 20;
/** Tries in a row that bring nothing: then nobody is there. */
const MAX_VAIN_TRIES = 4;
/** The wait before the second try; it doubles from one vain try to the next, up to the limit. */
const FIRST_WAIT_MS = 500;
const MAX_WAIT_MS = 10_000;
/** Of a file whose size neither the caller nor the server tells. */
const MAX_UNTOLD_BYTES = 16 * 2 ** 30;

export interface DownloadOptions {
  /** Known beforehand, if they are. What the server says of them is checked against these. */
  bytes?: number | undefined;
  sha256?: string | undefined;
  signal?: AbortSignal;
  /** @param total bytes of the whole file, where the server tells */
  onProgress?: (done: number, total: number | undefined) => void;
  /** The connection was lost; the next try goes on where it ended. */
  onRetry?: (error: DepthcastError) => void;
  /** Sees the whole file under its temporary name before it takes its own; a file that it throws for is removed. */
  check?: (path: string) => void;
}

/** What a partial file is a part of: notes beside it, FILE.part.json. */
interface Note {
  url: string;
  etag: string | undefined;
}

type Expected = Pick<DownloadOptions, 'bytes' | 'sha256'>;

/**
 * Fetches a file over HTTP. The file appears whole and checked or not at all: until then it grows as FILE.part, which a
 * later call goes on with (RFC 9110, 14.2 Range, with If-Range, so that a file that has changed begins anew).
 * @throws DepthcastError DOWNLOAD_NOT_FOUND, DOWNLOAD_FAILED, HASH_MISMATCH, DISK_FULL; the signal's reason
 */
export async function download(url: URL, path: string, options: DownloadOptions = {}): Promise<void> {
  const part = `${path}.part`;
  await diskErrors(() => makeFolder(dirname(path)));
  let expected: Expected;
  let most = 0;
  let vain = 0;
  const onProgress: DownloadOptions['onProgress'] = (done, total) => {
    if (done > most) vain = 0;
    most = Math.max(most, done);
    options.onProgress?.(done, total);
  };
  for (let tries = 1; ; tries++)
    try {
      expected = await fetchInto(url, part, { ...options, onProgress });
      break;
    } catch (thrown) {
      options.signal?.throwIfAborted();
      vain++;
      if (!(thrown instanceof Interrupted) || tries === MAX_TRIES || vain === MAX_VAIN_TRIES) throw thrown;
      options.onRetry?.(thrown);
      await sleep(Math.min(FIRST_WAIT_MS * 2 ** (vain - 1), MAX_WAIT_MS), undefined, { signal: options.signal });
    }
  try {
    await verify(part, expected);
    options.check?.(part);
  } catch (thrown) {
    await removePart(part);
    throw thrown;
  }
  await diskErrors(() => rename(part, path));
  await rm(noteOf(part), { force: true });
}

/** One connection's worth. @returns what the file must be, from the caller or else from the server */
async function fetchInto(url: URL, part: string, options: DownloadOptions): Promise<Expected> {
  const have = await resumable(url, part);
  const headers: Record<string, string> = {};
  if (have) Object.assign(headers, { range: `bytes=${have.bytes}-`, 'if-range': have.etag });
  const answer = await request(url, { headers, signal: options.signal });
  try {
    const sha256 = options.sha256 ?? answer.linkedSha256;
    const start = startOf(answer, have?.bytes ?? 0);
    if (start === undefined) {
      // 416: nothing lies beyond what is here. Either that is all, or it is of another file.
      const bytes = options.bytes ?? answer.linkedBytes;
      if (have?.bytes === bytes) return { bytes, sha256 };
      await removePart(part);
      throw new Interrupted('DOWNLOAD_FAILED', { detail: 'the file on the server has changed' });
    }
    const total = answer.length === undefined ? answer.linkedBytes : start + answer.length;
    const bytes = options.bytes ?? total;
    if (total !== undefined && bytes !== total)
      throw new DepthcastError('HASH_MISMATCH', { detail: `${url} has ${total} bytes, not ${bytes}` });
    if (bytes !== undefined && start > bytes) {
      await removePart(part);
      throw new Interrupted('DOWNLOAD_FAILED', { detail: `what was here is longer than ${bytes} bytes` });
    }
    await roomFor(part, total === undefined ? 0 : total - start);
    const note: Note = { url: url.href, etag: answer.etag };
    await diskErrors(() => writeFile(noteOf(part), JSON.stringify(note)));
    const file = await diskErrors(() => open(part, start > 0 ? 'r+' : 'w'));
    try {
      await diskErrors(() => file.truncate(start));
      await writeBody(file, answer, { start, total, most: bytes ?? MAX_UNTOLD_BYTES }, options);
      await diskErrors(() => file.sync());
    } catch (thrown) {
      if ((thrown as DepthcastError).code === 'HASH_MISMATCH') await removePart(part);
      throw thrown;
    } finally {
      await file.close();
    }
    return { bytes, sha256 };
  } finally {
    answer.cancel();
  }
}

async function writeBody(
  file: FileHandle,
  answer: Answer,
  { start, total, most }: { start: number; total: number | undefined; most: number },
  { onProgress }: DownloadOptions,
): Promise<void> {
  let done = start;
  onProgress?.(done, total);
  for (;;) {
    const chunk = await answer.read();
    if (chunk === undefined) break;
    // Whatever the server says, or does not say, of its length.
    if (done + chunk.length > most)
      throw new DepthcastError('HASH_MISMATCH', {
        detail: `more than the ${most} bytes that were expected came; it was removed`,
      });
    for (let written = 0; written < chunk.length; ) {
      const { bytesWritten } = await diskErrors(() =>
        file.write(chunk, written, chunk.length - written, done + written),
      );
      written += bytesWritten;
    }
    done += chunk.length;
    onProgress?.(done, total);
  }
  if (total !== undefined && done < total)
    throw new Interrupted('DOWNLOAD_FAILED', { detail: `the connection was cut after ${done} of ${total} bytes` });
}

/** What an earlier call left that this one can resume from. */
async function resumable(url: URL, part: string): Promise<{ bytes: number; etag: string } | undefined> {
  try {
    const { size } = await stat(part);
    const { url: from, etag } = JSON.parse(await readFile(noteOf(part), 'utf8')) as Note;
    // Without a validator nobody can say whether the rest would fit.
    return from === url.href && etag !== undefined && size > 0 ? { bytes: size, etag } : undefined;
  } catch {
    return undefined;
  }
}

/** Where the body begins in the file; undefined for a range that cannot be had. */
function startOf({ status, contentRange }: Answer, asked: number): number | undefined {
  if (status === 200) return 0;
  if (status === 416 && asked > 0) return undefined;
  const start = Number(/^bytes (\d+)-/.exec(contentRange ?? '')?.[1] ?? Number.NaN);
  if (status === 206 && start <= asked) return start;
  throw new DepthcastError('DOWNLOAD_FAILED', {
    detail: `status ${status} with the range ${contentRange ?? 'missing'}`,
  });
}

async function verify(part: string, { bytes, sha256 }: Expected): Promise<void> {
  const { size } = await stat(part);
  if (bytes !== undefined && size !== bytes)
    throw new DepthcastError('HASH_MISMATCH', { detail: `${size} bytes came, ${bytes} were expected; it was removed` });
  if (sha256 === undefined) return;
  const actual = await fileHash(part);
  if (actual !== sha256)
    throw new DepthcastError('HASH_MISMATCH', {
      detail: `its sha256 is ${actual.slice(0, 16)}…, not ${sha256.slice(0, 16)}…; it was removed`,
    });
}

/** Refuses at once what could not end well. */
async function roomFor(path: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(dirname(path));
  if (bavail * bsize < bytes)
    throw new DepthcastError('DISK_FULL', {
      detail: `${dirname(path)} has ${megabytes(bavail * bsize)} left, ${megabytes(bytes)} are needed; free some space or set models.folder`,
    });
}

const megabytes = (bytes: number) => `${Math.ceil(bytes / 1e6)} MB`;

async function diskErrors<T>(step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (thrown) {
    const { code, message } = thrown as NodeJS.ErrnoException;
    if (code === 'ENOSPC' || code === 'EDQUOT')
      throw new DepthcastError('DISK_FULL', {
        detail: 'what has come so far is kept, and the next attempt resumes there',
        cause: thrown,
      });
    throw new DepthcastError('DOWNLOAD_FAILED', { detail: message, cause: thrown });
  }
}

async function removePart(part: string): Promise<void> {
  await rm(part, { force: true });
  await rm(noteOf(part), { force: true });
}

const noteOf = (part: string): string => `${part}.json`;
