import { tokenOf } from './token.ts';

/** Where this page's server answers: the folder that the page lies in, whatever path that is below. */
export const HERE = new URL('.', location.href);

/** Of this page's address. */
export const TOKEN = tokenOf(location.hash);

/** Lets the links to the other pages of this server carry the token on. */
export function carryToken(): void {
  for (const link of document.querySelectorAll<HTMLAnchorElement>('a[data-page]')) if (TOKEN) link.hash = location.hash;
}
