import { z } from 'zod';
import { DepthcastError } from '../../errors.ts';
import { outputChange } from '../../protocol/output.ts';
import type { SessionStream } from '../../session/session.ts';
import { changeStream, type SettingsContext } from '../../session/stream-settings.ts';
import type { Parameter } from './messages.ts';

/** How the bridge shows one stream. */
export interface View {
  /** Millimetres for metres alone: relative disparity is always 32FC1. */
  encoding: '32FC1' | '16UC1';
  /** Points of every n-th pixel of every n-th row. */
  stride: number;
}

const view = {
  depth_encoding: z.enum(['32FC1', '16UC1']),
  points_stride: z.int().min(1).max(64),
};
const hfov = z.number().min(1).max(179);

/**
 * The parameters of one stream: what may be changed of it while it runs (`model`, `size`, `range`, `upsampling`, `still`, `hfov`), how the bridge
 * shows it (`depth_encoding`, `points_stride`), and `unit`, which can only be read.
 */
export class StreamParameters {
  readonly #stream: SessionStream;
  readonly #view: View;
  readonly #context: SettingsContext;
  readonly #prefix: string;

  constructor(stream: SessionStream, view: View, context: SettingsContext) {
    this.#stream = stream;
    this.#view = view;
    this.#context = context;
    this.#prefix = `/${stream.name}.`;
  }

  all(): Parameter[] {
    const { model, size, range, upsampling, still, unit, hfov } = this.#stream;
    const parameters: Parameter[] = [
      { name: 'model', value: model },
      { name: 'size', value: size.asked },
      range === 'auto'
        ? { name: 'range', value: range }
        : { name: 'range', value: [range.near, range.far], type: 'float64_array' },
      { name: 'upsampling', value: upsampling },
      { name: 'still', value: still },
      { name: 'depth_encoding', value: this.#view.encoding },
      { name: 'points_stride', value: this.#view.stride },
      { name: 'unit', value: unit },
    ];
    if (hfov !== undefined) parameters.push({ name: 'hfov', value: Math.round(hfov * 1000) / 1000, type: 'float64' });
    return parameters.map((parameter) => ({ ...parameter, name: this.#prefix + parameter.name }));
  }

  has(name: string): boolean {
    return this.all().some((parameter) => parameter.name === name);
  }

  /** @throws DepthcastError BAD_REQUEST, MODEL_NOT_FOUND, BAD_SIZE, BUSY, BAD_MODEL */
  async set({ name, value }: Parameter): Promise<void> {
    const key = name.slice(this.#prefix.length);
    switch (key) {
      case 'model':
      case 'size':
      case 'upsampling':
      case 'still':
        return changeStream(this.#stream, read(name, outputChange, { [key]: value }), this.#context);
      case 'range': {
        const range = Array.isArray(value) && value.length === 2 ? { near: value[0], far: value[1] } : value;
        return changeStream(this.#stream, read(name, outputChange, { range }), this.#context);
      }
      case 'hfov':
        this.#stream.setCamera({ hfov: read(name, hfov, value) });
        return;
      case 'depth_encoding':
        this.#view.encoding = read(name, view.depth_encoding, value);
        return;
      case 'points_stride':
        this.#view.stride = read(name, view.points_stride, value);
        return;
      default:
        throw new DepthcastError('BAD_REQUEST', { detail: `${name} cannot be set` });
    }
  }
}

function read<T>(name: string, schema: z.core.$ZodType<T>, value: unknown): T {
  const parsed = z.safeParse(schema, value);
  if (parsed.success) return parsed.data;
  const detail = `${name}: ${parsed.error.issues[0]?.message ?? 'another value is expected'}`;
  throw new DepthcastError('BAD_REQUEST', { detail });
}
