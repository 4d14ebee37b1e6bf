import { DepthcastError } from '../../errors.ts';

/** Without a byte for this long, a connection counts as lost. */
const SILENCE_MS = 30_000;
const MAX_REDIRECTS = 6;

/** The connection was lost or the server is in trouble: worth another try. */
export class Interrupted extends DepthcastError {}

/** A GET whose headers have come. */
export interface Answer {
  /** 200, 206 or 416. */
  readonly status: number;
  /** Bytes of the body that follows. */
  readonly length: number | undefined;
  readonly contentRange: string | undefined;
  /** A validator fit for If-Range: a strong ETag, or else the date of the last change. */
  readonly etag: string | undefined;
  /**
   * What Hugging Face says of a large file, on the redirect to where it lies: `x-linked-size`, and as `x-linked-etag`
   * its SHA-256.
   */
  readonly linkedBytes: number | undefined;
  readonly linkedSha256: string | undefined;
  /** The next bytes; undefined at the end. Throws when the connection is lost. */
  read(): Promise<Uint8Array | undefined>;
  cancel(): void;
}

interface RequestOptions {
  headers: Record<string, string>;
  signal?: AbortSignal | undefined;
}

/**
 * GETs a URL, following redirects.
 * @throws Interrupted; DepthcastError DOWNLOAD_NOT_FOUND for 404 and 410, DOWNLOAD_FAILED for any other answer
 */
export async function request(url: URL, { headers, signal }: RequestOptions): Promise<Answer> {
  const abort = new AbortController();
  const stop = () => abort.abort(signal?.reason);
  signal?.addEventListener('abort', stop, { once: true });
  if (signal?.aborted) stop();
  const timer = setTimeout(
    () => abort.abort(new Interrupted('DOWNLOAD_FAILED', { detail: `${url.host} is silent` })),
    SILENCE_MS,
  );
  const end = () => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
  };
  try {
    const { response, linked } = await follow(url, headers, abort.signal);
    const reader = response.body?.getReader();
    const { headers: got, status } = response;
    const weak = got.get('etag')?.startsWith('W/');
    return {
      status,
      length: number(got.get('content-length')),
      contentRange: got.get('content-range') ?? undefined,
      etag: (weak ? undefined : got.get('etag')) ?? got.get('last-modified') ?? undefined,
      linkedBytes: number(linked.get('x-linked-size')),
      linkedSha256: /^"?([0-9a-f]{64})"?$/.exec(linked.get('x-linked-etag') ?? '')?.[1],
      async read() {
        timer.refresh();
        const { value } = (await reader?.read().catch(unreachable(url, abort.signal))) ?? {};
        return value as Uint8Array | undefined;
      },
      cancel() {
        end();
        abort.abort();
      },
    };
  } catch (thrown) {
    end();
    abort.abort();
    throw thrown;
  }
}

async function follow(url: URL, headers: Record<string, string>, signal: AbortSignal) {
  let linked = new Headers();
  let at = url;
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    const response = await fetch(at, {
      headers: { ...headers, 'accept-encoding': 'identity' },
      redirect: 'manual',
      signal,
    }).catch(unreachable(at, signal));
    const { status } = response;
    if (response.headers.has('x-linked-etag')) linked = response.headers;
    if ([200, 206, 416].includes(status)) return { response, linked };
    await response.body?.cancel();
    const location = response.headers.get('location');
    if (status >= 300 && status < 400 && location !== null && URL.canParse(location, at.href)) {
      at = new URL(location, at);
      if (!/^https?:$/.test(at.protocol)) break;
      continue;
    }
    if (status === 404 || status === 410)
      throw new DepthcastError('DOWNLOAD_NOT_FOUND', { detail: `${at} answers ${status}` });
    const detail = `${at} answers ${status}${status === 401 || status === 403 ? ': it wants an account' : ''}`;
    if (status >= 500 || status === 408 || status === 429) throw new Interrupted('DOWNLOAD_FAILED', { detail });
    throw new DepthcastError('DOWNLOAD_FAILED', { detail });
  }
  throw new DepthcastError('DOWNLOAD_FAILED', { detail: `${url} is redirected too often or to nowhere` });
}

/** Names the host and the system's reason, which fetch hides in `cause`. */
const unreachable =
  (url: URL, signal: AbortSignal) =>
  (thrown: unknown): never => {
    if (signal.reason instanceof Interrupted) throw signal.reason;
    const cause = (thrown as Error).cause as NodeJS.ErrnoException | undefined;
    const why = cause?.code ?? cause?.message ?? (thrown as Error).message;
    throw new Interrupted('DOWNLOAD_FAILED', { detail: `${url.host}: ${why}`, cause: thrown });
  };

const number = (text: string | null): number | undefined =>
  text !== null && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
