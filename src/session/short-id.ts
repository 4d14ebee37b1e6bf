/** A session's id is its key: logs and traces show enough of it to follow one. */
export const short = (id: string): string => id.slice(0, 6);
