import type { DeviceOptions } from '../depth/engine-set.ts';
import type { InstalledModel } from '../model/library.ts';
import type { ModelPrecision } from '../model/precision.ts';
import type { Size } from '../model/size.ts';
import type { CameraSettings } from '../protocol/index.ts';
import type { Upsampling } from '../protocol/output.ts';
import type { OutputFiles, OutputOptions } from './outputs.ts';

export interface JobOptions extends OutputOptions {
  /** A file, a folder or glob of images, a URL, `-` for standard input, or `scene:NAME`. */
  input: string;
  /** Folder of what is written. */
  out: string;
  model: InstalledModel;
  mode: 'streaming' | 'offline';
  /** Network size; the model's default when undefined. */
  size: number | undefined;
  /** Of the network; 0 measures. */
  threads: number;
  /** Where streaming networks run: on the CPU when absent, as offline ones do. */
  devices?: Omit<DeviceOptions, 'lock'>;
  maxRes: number;
  maxLength: number;
  targetFps: number;
  /** Frames a second of images and scenes. */
  fps: number;
  grayscale: boolean;
  /** How maps are brought to the size that is written. */
  upsampling: Upsampling;
  sceneCuts: boolean;
  /** What is known of the camera; EXIF of the first image, or a guess, where nothing is. */
  camera?: CameraSettings | undefined;
  /** A file of anchors, which make metres of relative depth. */
  anchors?: string | undefined;
  /** Frames whose points are written as PLY, and as a glTF mesh. */
  savePly?: string | undefined;
  saveGlb?: string | undefined;
  force: boolean;
  resume: boolean;
  /** Seconds after which a silent network source counts as stalled. */
  timeoutSeconds: number;
  /** Ends the job early; what is done is kept. */
  signal: AbortSignal;
}

/** What is known when the first frame goes to the network. */
export interface JobStart {
  files: OutputFiles;
  size: Size;
  network: Size;
  fps: number;
  /** Frames that are expected; undefined where nobody knows. */
  frames: number | undefined;
  /** Frames that an earlier run wrote. */
  resumed: number;
  device: string;
  /** What the network is computed in. */
  precision: ModelPrecision;
}

export interface JobEvents {
  start?(start: JobStart): void;
  /** @param frames written so far, earlier runs included. @param expected in all, as far as is known by now */
  progress?(frames: number, expected: number | undefined): void;
}

export interface JobSummary extends JobStart {
  /** Written in all. */
  frames: number;
  /** The input came to its end, or to the length that was asked for. */
  complete: boolean;
  interrupted: boolean;
  epochs: number[];
  /** Damage of the input. */
  problems: string[];
  /** What else is worth knowing. */
  notes: string[];
  seconds: {
    /** Opening the input and the model. */
    load: number;
    /** From the first frame's way to the network until every file was closed. */
    run: number;
    /** Of `run`: in the network, with what belongs to it. */
    inference: number;
  };
}
