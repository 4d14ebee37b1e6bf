/** The token in a page's address (`#token=…`), which browsers send to nobody. @param hash of the address */
export const tokenOf = (hash: string): string | undefined =>
  new URLSearchParams(hash.replace(/^#/, '')).get('token') ?? undefined;
