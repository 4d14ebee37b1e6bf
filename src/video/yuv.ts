/** A colour matrix that limited-range YUV of a written video follows. */
export type YuvMatrix = 'bt601' | 'bt709';
