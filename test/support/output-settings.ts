import type { OutputSettings } from '../../src/protocol/messages.ts';

/** A session's output as the server tells of it. */
export const OUTPUT_SETTINGS: OutputSettings = {
  track: 'gray',
  layout: 'depth',
  upsampling: 'off',
  still: 'off',
  data: 'u16',
  dataSize: 'network',
  range: 'auto',
  model: 'm',
  size: 256,
};
