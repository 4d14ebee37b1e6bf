import type { Layout } from '../../src/protocol/messages.ts';
import { tokenOf } from '../page/token.ts';

export const AIR_PAGES = ['key', 'matte', 'fill', 'both'] as const;
export type AirPage = (typeof AIR_PAGES)[number];

/** What the address of a page for a mixer says. */
export interface AirAddress {
  page: AirPage;
  stream: string;
  /** What the video track is to show. */
  layout: Layout;
  /** How the page shows it: as it is; the video's own brightness as transparency; its upper half, transparent by its lower half. */
  draw: 'video' | 'luma' | 'keyed';
  /** How it fills a window of another shape. */
  fit: 'contain' | 'cover' | 'fill';
  /** What of the stream's matte this page has for itself: handed to the server, which says what is wrong with it. */
  matte: URLSearchParams;
  token: string | undefined;
}

const FITS = ['contain', 'cover', 'fill'] as const;
const KNOWN = ['near', 'far', 'soft', 'unit', 'preset', 'alpha', 'layout', 'with', 'fit'];

/**
 * Reads the address of `/key/NAME`, `/matte/NAME`, `/fill/NAME` or `/both/NAME`, below any path. Its parameters, all optional:
 * - `near`, `far`, `soft`, `unit`, `preset`: of the matte, instead of the stream's own, until these are changed for the stream
 * - `alpha=matte`: a transparent background (`matte`, `fill`)
 * - of `both`: `layout` (`side-by-side`, `stacked`), `with` (`depth`, `matte`): what stands beside or below the picture
 * - `fit`: `contain`, `cover`, `fill`
 * - `#token=…`: which browsers send to nobody
 * @returns a sentence where it cannot be followed
 */
export function readAirAddress(address: string): AirAddress | string {
  const { pathname, searchParams: query, hash } = new URL(address);
  const [kind = '', name = ''] = pathname.split('/').slice(-2);
  const page = AIR_PAGES.find((one) => one === kind);
  if (page === undefined || name === '') return `an address as /${AIR_PAGES.join('/NAME, /')}/NAME is expected`;
  const unknown = [...query.keys()].find((key) => !KNOWN.includes(key));
  if (unknown !== undefined) return `${unknown} is not known; there is ${KNOWN.join(', ')}`;
  const choice = <T extends string>(key: string, allowed: readonly T[], pages: readonly AirPage[]): T | undefined => {
    const given = query.get(key);
    if (given === null) return undefined;
    const found = allowed.find((one) => one === given);
    if (found === undefined || !pages.includes(page))
      throw new Error(`${key}=${given}: ${key} is ${allowed.join(' or ')}, of /${pages.join(' and /')}`);
    return found;
  };
  try {
    const alpha = choice('alpha', ['matte'] as const, ['matte', 'fill']);
    const beside = choice('layout', ['side-by-side', 'stacked'] as const, ['both']) ?? 'side-by-side';
    const shown = choice('with', ['depth', 'matte'] as const, ['both']) ?? 'depth';
    const fit = choice('fit', FITS, AIR_PAGES) ?? 'contain';
    const keyed = alpha !== undefined && page === 'fill';
    const layout: Layout = {
      key: 'depth' as const,
      matte: 'matte' as const,
      fill: keyed ? ('matte-stacked' as const) : ('fill' as const),
      both: shown === 'depth' ? beside : (`matte-${beside}` as const),
    }[page];
    const draw = keyed ? 'keyed' : alpha === undefined ? 'video' : 'luma';
    const matte = new URLSearchParams(
      [...query].filter(([key]) => ['near', 'far', 'soft', 'unit', 'preset'].includes(key)),
    );
    const token = tokenOf(hash);
    return { page, stream: decodeURIComponent(name), layout, draw, fit, matte, token };
  } catch (thrown) {
    return (thrown as Error).message;
  }
}

/** The WHEP address of a stream, below the path that a page of the studio lies in. */
export function whepAddress(address: string, stream: string, layout: Layout, matte = new URLSearchParams()): URL {
  const url = new URL(`../whep/${encodeURIComponent(stream)}`, address);
  url.search = new URLSearchParams([['layout', layout], ...matte]).toString();
  return url;
}
