import { join } from 'node:path';
import { DepthcastError } from '../errors.ts';
import type { AnchoredMap } from '../geometry/anchors.ts';
import type { Size } from '../model/size.ts';
import { Camera, type CameraSettings, type Intrinsics, type MetricMap } from '../protocol/index.ts';
import { fieldOfViewOf } from '../video/focal-length.ts';
import type { Fraction, TimedPicture } from '../video/media-info.ts';
import { type AnchorFile, FileAnchors } from './anchor-file.ts';
import { type FrameChoice, frameChoice } from './frame-choice.ts';
import type { JobOptions } from './job-types.ts';
import type { PointFiles } from './paint-protocol.ts';
import { writtenSize } from './size.ts';

/** @throws DepthcastError BAD_OPTION for points of frames that have no metres, or that are not told well */
export function checkGeometry(
  { savePly, saveGlb, model, resume, mode }: JobOptions,
  anchors: AnchorFile | undefined,
): void {
  for (const [flag, frames] of Object.entries({ '--save-ply': savePly, '--save-glb': saveGlb })) {
    if (frames === undefined) continue;
    frameChoice(frames);
    if (anchors === undefined && model.manifest.unit !== 'metres')
      throw new DepthcastError('BAD_OPTION', {
        detail: `${flag}: ${model.manifest.name} gives no metres; tell --anchors, or use a metric model`,
      });
  }
  if (anchors && resume && mode === 'offline')
    throw new DepthcastError('BAD_OPTION', { detail: '--resume: an offline run with --anchors cannot go on' });
}

/** What a job knows of its camera and of distances, and which frames become points. */
export class JobGeometry {
  /** Of the written size. */
  readonly intrinsics: Intrinsics;
  /** The network's depth goes by the camera. Known once it is loaded; until then what an earlier run's record says, if there is one. */
  usesCamera = false;
  readonly #settings: CameraSettings | undefined;
  /** What of it changes what is written whatever the network is, for the record. */
  readonly #options: Record<string, string>;
  /** What is written by the camera whatever the network is. */
  readonly #uses: readonly string[];
  readonly #anchors: FileAnchors | undefined;
  readonly #ply: FrameChoice;
  readonly #glb: FrameChoice;

  private constructor(
    { savePly, saveGlb, mcap, model }: JobOptions,
    file: AnchorFile | undefined,
    settings: CameraSettings | undefined,
    picture: Size,
    written: Size,
    fps: Fraction,
  ) {
    const camera = new Camera(settings);
    // A calibration without a size holds for the picture as it came.
    camera.intrinsics(picture.width, picture.height);
    this.intrinsics = camera.intrinsics(written.width, written.height);
    this.#anchors = file && new FileAnchors(file, camera, fps.num / fps.den);
    this.#ply = choiceOf(savePly);
    this.#glb = choiceOf(saveGlb);
    const points = savePly !== undefined || saveGlb !== undefined;
    const metric = file !== undefined || model.manifest.unit === 'metres';
    // Of relative depth MCAP has no points.
    this.#uses = [
      ...(points || (mcap !== undefined && metric) ? ['points'] : []),
      ...(mcap !== undefined ? ['the camera_info of MCAP'] : []),
    ];
    this.#settings = settings;
    this.#options = {
      ...(file && { anchors: file.hash }),
      ...(savePly !== undefined && { savePly }),
      ...(saveGlb !== undefined && { saveGlb }),
      ...((file || points) && settings && { camera: JSON.stringify(settings) }),
    };
  }

  /** @param first the input's first picture: its EXIF tells the camera where nothing else does */
  static async create(
    options: JobOptions,
    anchors: AnchorFile | undefined,
    first: TimedPicture,
    fps: Fraction,
  ): Promise<JobGeometry> {
    const { width, height } = first.picture;
    const camera = options.camera ?? (await exifCamera(first));
    const written = writtenSize({ width, height }, options.maxRes);
    return new JobGeometry(options, anchors, camera, { width, height }, written, fps);
  }

  /** Anchors make metres of what is written. */
  get anchored(): boolean {
    return this.#anchors !== undefined;
  }

  /** What of it changes what is written, for the record. */
  get options(): Record<string, string> {
    if (!this.usesCamera) return this.#options;
    return { ...this.#options, camera: this.#settings ? JSON.stringify(this.#settings) : 'assumed' };
  }

  /** For people. */
  get notes(): string[] {
    const uses = [...this.#uses, ...(this.usesCamera ? ['the depth of a network that goes by it'] : [])];
    const assumes = uses.length > 0 && this.intrinsics.source === 'assumed';
    return [
      ...(assumes
        ? [
            `nothing tells the camera: a field of view of 65 degrees is assumed for ${uses.join(' and ')}; --hfov tells it`,
          ]
        : []),
      ...(this.#anchors?.notes ?? []),
    ];
  }

  /** What makes metres of the next frame's values; see `FileAnchors.update`. @throws DepthcastError BAD_OPTION */
  metres(map: AnchoredMap, index: number, time: number): MetricMap | undefined {
    return this.#anchors?.update(map, index, time);
  }

  /** The files of a frame's points; undefined where it was not chosen. */
  points(folder: string | undefined, index: number): PointFiles | undefined {
    if (folder === undefined) return undefined;
    const path = (chosen: FrameChoice, ending: string) =>
      chosen(index) ? join(folder, `${String(index).padStart(5, '0')}.${ending}`) : undefined;
    const [ply, glb] = [path(this.#ply, 'ply'), path(this.#glb, 'glb')];
    return ply || glb ? { ply, glb, intrinsics: this.intrinsics } : undefined;
  }
}

const choiceOf = (frames: string | undefined): FrameChoice =>
  frames === undefined ? () => false : frameChoice(frames);

async function exifCamera({ picture }: TimedPicture): Promise<CameraSettings | undefined> {
  const hfov = await fieldOfViewOf(picture);
  return hfov === undefined ? undefined : { hfov };
}
