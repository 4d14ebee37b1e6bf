import type { JobOptions } from '../../src/files/job-types.ts';
import { findModel } from '../../src/model/library.ts';

/** `depthcast run` of the embedded network, small and as float files. */
export const jobOptions = (input: string, out: string): JobOptions => ({
  input,
  out,
  model: findModel('depthcast-nano'),
  mode: 'streaming',
  size: 160,
  threads: 1,
  maxRes: 1280,
  maxLength: -1,
  targetFps: -1,
  fps: 30,
  grayscale: false,
  sceneCuts: false,
  saveNpz: true,
  saveExr: false,
  savePng16: false,
  sideBySide: false,
  stacked: false,
  upsampling: 'off',
  force: false,
  resume: false,
  timeoutSeconds: 10,
  signal: new AbortController().signal,
});
