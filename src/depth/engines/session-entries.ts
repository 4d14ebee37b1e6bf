/** x86 processors without VNNI would saturate the sums of eight-bit products, if they were not told to be precise. */
export const PRECISE = { x64quantprecision: '1' } as const;

/** And threads that spin while they wait for work take the cores that codecs and sockets need. */
export const LIVE_SESSION = { intra_op: { allow_spinning: '0' }, ...PRECISE } as const;
