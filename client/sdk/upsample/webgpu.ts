import type { Upsampling } from '../../../src/protocol/output.ts';
import { evenOf, PASSES, type Pass, type ShaderName, type Size, type Texture } from './filter.ts';
import { TILE, wgsl } from './wgsl.ts';

/** Flags by the specification's numbers (WebGPU, sections 5.1, 6.1, 10.1): TypeScript's library has their types alone. */
const BUFFER = { mapRead: 1, copyDst: 8, uniform: 64 } as const;
const TEXTURE = { copySrc: 1, copyDst: 2, binding: 4, storage: 8, attachment: 16 } as const;
const MAP_READ = 1;
const COMPUTE = 4;

/** Copies of textures to buffers have rows of so many bytes, or a multiple. */
const ROW_BYTES = 256;

interface Step {
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
  readonly size: Size;
}

interface Pipeline {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

/**
 * WebGl2Upsampler for WebGPU, with the same choice: its passes as compute passes, recorded into one command buffer a frame. Needs
 * nothing of the device but what every WebGPU device has.
 */
export class WebGpuUpsampler {
  readonly #device: GPUDevice;
  readonly #map: Size;
  readonly #picture: Size;
  readonly #upsampling: Upsampling;
  readonly #textures = new Map<Texture, GPUTexture>();
  readonly #pipelines = new Map<ShaderName, Pipeline>();
  readonly #frame: GPUBuffer;
  readonly #limits = new Float32Array(4);
  readonly #steps: Step[];

  /**
   * @param map size of the maps
   * @param picture size of the pictures, no smaller
   * @param upsampling `off`, `fast` or `best`
   */
  constructor(device: GPUDevice, map: Size, picture: Size, upsampling: Upsampling = 'fast') {
    this.#device = device;
    this.#map = map;
    this.#picture = picture;
    this.#upsampling = upsampling;
    this.#frame = device.createBuffer({ size: 16, usage: BUFFER.uniform | BUFFER.copyDst });
    if (upsampling !== 'off')
      this.#texture('picture', picture, 'rgba8unorm', TEXTURE.binding | TEXTURE.copyDst | TEXTURE.attachment);
    this.#texture('map', map, 'r32float', TEXTURE.binding | TEXTURE.copyDst);
    this.#steps = PASSES[upsampling].map((pass) => this.#step(pass));
  }

  /** The enlarged depth, in `r`, of the picture's size: r32float, to be read by textureLoad; the same texture each time. */
  get texture(): GPUTexture {
    return this.#textures.get('depth')!;
  }

  /**
   * Enlarges one map: queued on the device, not waited for.
   * @param values [height*width] disparity; NaN becomes the farthest
   * @param picture of the constructor's size; `off` does not look at it
   * @param range of the display, in the unit of the values
   * @returns `texture`
   */
  upsample(
    values: Float32Array<ArrayBuffer>,
    picture: GPUCopyExternalImageSource,
    { near, far }: { near: number; far: number },
  ): GPUTexture {
    const { queue } = this.#device;
    this.#limits.set([near, far, evenOf(this.#upsampling, { near, far })]);
    queue.writeBuffer(this.#frame, 0, this.#limits);
    queue.writeTexture(
      { texture: this.#textures.get('map')! },
      values,
      { bytesPerRow: 4 * this.#map.width, rowsPerImage: this.#map.height },
      this.#map,
    );
    const own = this.#textures.get('picture');
    if (own) queue.copyExternalImageToTexture({ source: picture }, { texture: own }, this.#picture);
    const encoder = this.#device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    for (const { pipeline, group, size } of this.#steps) {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(Math.ceil(size.width / TILE), Math.ceil(size.height / TILE));
    }
    pass.end();
    queue.submit([encoder.finish()]);
    return this.texture;
  }

  /** Reads the result back, which waits for the graphics card: for tests, and for those who compute. */
  async read(into = new Float32Array(this.#picture.width * this.#picture.height)): Promise<Float32Array> {
    const { width, height } = this.#picture;
    const bytesPerRow = Math.ceil((4 * width) / ROW_BYTES) * ROW_BYTES;
    const buffer = this.#device.createBuffer({ size: bytesPerRow * height, usage: BUFFER.copyDst | BUFFER.mapRead });
    try {
      const encoder = this.#device.createCommandEncoder();
      encoder.copyTextureToBuffer({ texture: this.texture }, { buffer, bytesPerRow }, this.#picture);
      this.#device.queue.submit([encoder.finish()]);
      await buffer.mapAsync(MAP_READ);
      const rows = new Float32Array(buffer.getMappedRange());
      for (let y = 0; y < height; y++)
        into.set(rows.subarray((y * bytesPerRow) / 4, (y * bytesPerRow) / 4 + width), y * width);
      return into;
    } finally {
      buffer.destroy();
    }
  }

  /** Gives textures and buffers back; the device stays the caller's. */
  close(): void {
    for (const texture of this.#textures.values()) texture.destroy();
    this.#frame.destroy();
  }

  /** Made once, for all passes that write or read it. */
  #texture(name: Texture, size: Size, format: GPUTextureFormat, usage: GPUTextureUsageFlags): void {
    if (this.#textures.has(name)) return;
    const texture = this.#device.createTexture({ label: name, size: [size.width, size.height], format, usage });
    this.#textures.set(name, texture);
  }

  #step(pass: Pass): Step {
    const written = Object.values(pass.writes);
    const last = written[0] === 'depth';
    const size = last ? this.#picture : this.#map;
    const format = last ? 'r32float' : 'rgba32float';
    const usage = TEXTURE.binding | TEXTURE.storage | TEXTURE.copySrc;
    for (const name of written) this.#texture(name, size, format, usage);
    const { pipeline, layout } = this.#pipelines.get(pass.shader) ?? this.#pipeline(pass, format);
    this.#pipelines.set(pass.shader, { pipeline, layout });
    const bound = [...Object.values(pass.reads), ...written];
    const group = this.#device.createBindGroup({
      layout,
      entries: [
        ...bound.map((name, binding) => ({ binding, resource: this.#textures.get(name)!.createView() })),
        { binding: bound.length, resource: { buffer: this.#frame } },
      ],
    });
    return { pipeline, group, size };
  }

  #pipeline({ shader, ...pass }: Pass, format: GPUTextureFormat): Pipeline {
    const [reads, writes] = [Object.keys(pass.reads), Object.keys(pass.writes)];
    const layout = this.#device.createBindGroupLayout({
      entries: [
        ...[...reads, ...writes].map((_, binding): GPUBindGroupLayoutEntry => {
          return binding < reads.length
            ? { binding, visibility: COMPUTE, texture: { sampleType: 'unfilterable-float' } }
            : { binding, visibility: COMPUTE, storageTexture: { format } };
        }),
        { binding: reads.length + writes.length, visibility: COMPUTE, buffer: {} },
      ],
    });
    const module = this.#device.createShaderModule({ label: shader, code: wgsl(shader, reads, writes, format) });
    const pipeline = this.#device.createComputePipeline({
      label: shader,
      layout: this.#device.createPipelineLayout({ bindGroupLayouts: [layout] }),
      compute: { module },
    });
    return { pipeline, layout };
  }
}
