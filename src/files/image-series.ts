import { type FileHandle, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomically } from '../atomic-file.ts';
import { makeFolder } from '../make-folder.ts';
import { ImageEncoder, type ImageKind } from '../video/image-encoder.ts';
import { diskError } from './disk.ts';

const EXTENSION: Record<ImageKind, string> = { exr: 'exr', png16: 'png' };
const TABLE = 'frames.csv';
const HEADING = 'file,seconds,epoch,low,high\n';
/** A 16-bit code in millimetres holds 65.535 m. */
const METRES_AT_MOST = 65.535;

const nameOf = (kind: ImageKind, index: number): string => `${String(index).padStart(5, '0')}.${EXTENSION[kind]}`;

/** What is written beside a map's values. */
export interface MapFacts {
  index: number;
  time: number;
  epoch: number;
  near: number;
  far: number;
}

/** Depth maps as numbered images in a folder, 00000 first. */
export class ImageSeries {
  readonly #kind: ImageKind;
  readonly #folder: string;
  readonly #encoder: ImageEncoder;
  readonly #metric: boolean;
  readonly #codes: Uint16Array;
  readonly #table: FileHandle | undefined;

  private constructor(
    kind: ImageKind,
    folder: string,
    encoder: ImageEncoder,
    metric: boolean,
    table: FileHandle | undefined,
    pixels: number,
  ) {
    this.#kind = kind;
    this.#folder = folder;
    this.#encoder = encoder;
    this.#metric = metric;
    this.#table = table;
    this.#codes = new Uint16Array(kind === 'png16' ? pixels : 0);
  }

  /** @param keep images of an earlier run that stay; later ones are removed. @throws DepthcastError DISK_FULL, CODEC_FAILED */
  static async create(
    kind: ImageKind,
    folder: string,
    { width, height, metric, keep = 0 }: { width: number; height: number; metric: boolean; keep?: number },
  ): Promise<ImageSeries> {
    await makeFolder(folder).catch(diskError(folder));
    for (const name of await readdir(folder))
      if (/^\.?\d{5,}\.(exr|png)(\.part)?$/.test(name) && !(Number.parseInt(name, 10) < keep))
        await rm(join(folder, name));
    let table: FileHandle | undefined;
    if (kind === 'png16') {
      const path = join(folder, TABLE);
      const rows = keep > 0 ? (await readFile(path, 'utf8')).split('\n').slice(1, 1 + keep) : [];
      await writeFile(path, HEADING + rows.map((row) => `${row}\n`).join('')).catch(diskError(path));
      table = await open(path, 'a').catch(diskError(path));
    }
    const encoder = await ImageEncoder.create(kind, width, height);
    return new ImageSeries(kind, folder, encoder, metric, table, width * height);
  }

  /** Images that stand in a folder without a gap. */
  static async count(kind: ImageKind, folder: string): Promise<number> {
    const names = new Set(await readdir(folder).catch(() => []));
    let count = 0;
    while (names.has(nameOf(kind, count))) count++;
    if (kind === 'exr') return count;
    const table = await readFile(join(folder, TABLE), 'utf8').catch(() => '');
    return Math.min(count, Math.max(0, table.split('\n').length - 2));
  }

  /** @throws DepthcastError DISK_FULL, CODEC_FAILED */
  async write(values: Float32Array, facts: MapFacts): Promise<void> {
    const name = nameOf(this.#kind, facts.index);
    const { low, high } = this.#metric ? { low: 0, high: METRES_AT_MOST } : codeRange(facts);
    const image = this.#kind === 'exr' ? values : this.#quantise(values, low, high);
    // An image that is there is whole.
    const temporary = join(this.#folder, `.${name}.part`);
    const bytes = await this.#encoder.encode(image);
    await writeFileAtomically(join(this.#folder, name), bytes, { temporary }).catch(diskError(this.#folder));
    const row = [name, facts.time.toFixed(6), facts.epoch, low, high].join(',');
    await this.#table?.appendFile(`${row}\n`).catch(diskError(this.#folder));
  }

  async finish(): Promise<void> {
    this.#encoder.close();
    await this.#table?.close();
  }

  #quantise(values: Float32Array, low: number, high: number): Uint16Array {
    const scale = 65535 / (high - low);
    for (let i = 0; i < values.length; i++)
      this.#codes[i] = Math.min(65535, Math.max(0, Math.round((values[i]! - low) * scale)));
    return this.#codes;
  }
}

/** Codes cover the display range and half of it more at each end, so that next to nothing is clipped. */
function codeRange({ near, far }: MapFacts): { low: number; high: number } {
  const margin = (near - far) / 2;
  return { low: far - margin, high: near + margin };
}
