export type Shape = readonly number[];

/** Elements of a tensor. */
export const count = (shape: Shape): number => shape.reduce((n, side) => n * side, 1);

export const same = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((side, i) => side === b[i]);

/** NumPy's rule: aligned at the last dimension, sides equal or 1. */
export function broadcast(a: Shape, b: Shape): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const left = a[i - rank + a.length] ?? 1;
    const right = b[i - rank + b.length] ?? 1;
    if (left !== right && left !== 1 && right !== 1) throw new Error(`[${a}] and [${b}] do not broadcast`);
    return Math.max(left, right);
  });
}
