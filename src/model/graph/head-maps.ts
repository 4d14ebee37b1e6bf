import type { Value } from './onnx.ts';

/** Patches along the image's height and width. */
export interface PatchGrid {
  readonly rows: number;
  readonly columns: number;
}

/** One frame's maps of 4, 2, 1 and 1/2 times the patches' resolution. */
export interface AssembledMaps {
  /** Ready for the fusion: [1, features, height, width]; of dpt-int8.ts [1, height * width, features]. */
  readonly fine: Value;
  readonly middle: Value;
  /** With their own channels, for the temporal modules. */
  readonly coarse: Value;
  readonly coarsest: Value;
}
