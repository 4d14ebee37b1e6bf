/** The parts of a frame's way through the server, in order; docs/architecture.md tells what each holds. */
export const STAGES = [
  'assemble',
  'decode',
  'preprocess',
  'queue',
  'inference',
  'postprocess',
  'encode',
  'send',
] as const;
export type Stage = (typeof STAGES)[number];
