/** Where this page's server answers: the folder that the page lies in, whatever path that is below. */
export const HERE = new URL('.', location.href);

/** The token of the page's address (`#token=…`), which browsers send to nobody. */
export const TOKEN = new URLSearchParams(location.hash.replace(/^#/, '')).get('token') ?? undefined;

/** Lets the links to the other pages of this server carry the token on. */
export function carryToken(): void {
  for (const link of document.querySelectorAll<HTMLAnchorElement>('a[data-page]')) if (TOKEN) link.hash = location.hash;
}
