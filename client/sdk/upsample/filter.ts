/** Pixels. */
export interface Size {
  width: number;
  height: number;
}

/** Share of the display range that depth may differ by within a window and still counts as even. */
export const EVEN = 0.02;
