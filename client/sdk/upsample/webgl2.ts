import { EVEN, type Size } from './filter.ts';
import { APPLY, FIT, MEANS, SHRINK, STEPS, SUMS, TABLE, VERTEX } from './shaders.ts';

/** By pass: its shader, the textures that it reads, and those that it writes. */
const PASSES = [
  { shader: SHRINK, reads: ['picture', 'map'], writes: ['guide'] },
  { shader: SUMS, reads: ['guide'], writes: ['a', 'b', 'c', 'd'] },
  { shader: STEPS, reads: ['guide'], writes: ['steps'] },
  { shader: FIT, reads: ['a', 'b', 'c', 'd', 'steps'], writes: ['fit', 'range'] },
  { shader: MEANS, reads: ['fit', 'range'], writes: ['across', 'explained'] },
  { shader: TABLE, reads: ['across', 'explained', 'range', 'guide'], writes: ['factors', 'bounds'] },
  { shader: APPLY, reads: ['picture', 'factors', 'bounds'], writes: ['depth'] },
] as const;
type Name = (typeof PASSES)[number]['reads' | 'writes'][number];

interface Program {
  program: WebGLProgram;
  framebuffer: WebGLFramebuffer;
  limits: WebGLUniformLocation | null;
  even: WebGLUniformLocation | null;
}

/**
 * Enlarges depth maps along the edges of their pictures on a graphics card, as the server's `upsampling: fast` does: a colour
 * guided filter (He, Sun: Fast Guided Filter, 2015) in seven passes, all but the last at the map's size. Works in a WebGL2
 * context of the caller's, whose state it changes: program, framebuffer, viewport, vertex array, bound textures.
 */
export class WebGl2Upsampler {
  readonly #gl: WebGL2RenderingContext;
  readonly #map: Size;
  readonly #picture: Size;
  readonly #textures = new Map<Name, WebGLTexture>();
  readonly #programs: Program[];
  readonly #vertices: WebGLVertexArrayObject;

  /**
   * @param map size of the maps. @param picture size of the pictures, no smaller
   * @throws Error where the context has no float targets (EXT_color_buffer_float) or a shader does not compile
   */
  constructor(gl: WebGL2RenderingContext, map: Size, picture: Size) {
    if (!gl.getExtension('EXT_color_buffer_float')) throw new Error('EXT_color_buffer_float is missing');
    this.#gl = gl;
    this.#map = map;
    this.#picture = picture;
    this.#vertices = gl.createVertexArray();
    this.#texture('picture', picture, gl.RGBA8);
    this.#texture('map', map, gl.R32F);
    this.#programs = PASSES.map((pass) => this.#program(pass));
  }

  /** The enlarged depth, in `r`, of the picture's size, 32-bit floats; the same texture each time. */
  get texture(): WebGLTexture {
    return this.#textures.get('depth')!;
  }

  /**
   * Enlarges one map.
   * @param values [height*width] disparity; NaN becomes the farthest. @param picture of the constructor's size
   * @param range of the display, in the unit of the values
   * @returns `texture`
   */
  upsample(values: Float32Array, picture: TexImageSource, { near, far }: { near: number; far: number }): WebGLTexture {
    const gl = this.#gl;
    gl.bindTexture(gl.TEXTURE_2D, this.#textures.get('map')!);
    gl.pixelStorei(gl.UNPACK_FLIP_Y_WEBGL, false);
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, this.#map.width, this.#map.height, gl.RED, gl.FLOAT, values);
    gl.bindTexture(gl.TEXTURE_2D, this.#textures.get('picture')!);
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, gl.RGBA, gl.UNSIGNED_BYTE, picture);
    gl.bindVertexArray(this.#vertices);
    gl.disable(gl.BLEND);
    gl.disable(gl.DEPTH_TEST);
    gl.disable(gl.SCISSOR_TEST);
    for (const [n, { program, framebuffer, limits, even }] of this.#programs.entries()) {
      const { reads, writes } = PASSES[n]!;
      const { width, height } = (writes as readonly Name[]).includes('depth') ? this.#picture : this.#map;
      gl.bindFramebuffer(gl.FRAMEBUFFER, framebuffer);
      gl.viewport(0, 0, width, height);
      gl.useProgram(program);
      for (const [unit, name] of reads.entries()) {
        gl.activeTexture(gl.TEXTURE0 + unit);
        gl.bindTexture(gl.TEXTURE_2D, this.#textures.get(name)!);
      }
      gl.uniform2f(limits, near, far);
      gl.uniform1f(even, Math.max(1e-9, EVEN * Math.abs(near - far)));
      gl.drawArrays(gl.TRIANGLES, 0, 3);
    }
    gl.activeTexture(gl.TEXTURE0);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    return this.texture;
  }

  /** Reads the result back, which waits for the graphics card: for tests, and for those who compute. */
  read(into = new Float32Array(this.#picture.width * this.#picture.height)): Float32Array {
    const gl = this.#gl;
    const { width, height } = this.#picture;
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.#programs.at(-1)!.framebuffer);
    const pixels = new Float32Array(4 * width * height);
    gl.readPixels(0, 0, width, height, gl.RGBA, gl.FLOAT, pixels);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    for (let i = 0; i < into.length; i++) into[i] = pixels[4 * i]!;
    return into;
  }

  /** Gives the textures and programs back. */
  close(): void {
    const gl = this.#gl;
    for (const texture of this.#textures.values()) gl.deleteTexture(texture);
    for (const { program, framebuffer } of this.#programs) {
      gl.deleteProgram(program);
      gl.deleteFramebuffer(framebuffer);
    }
    gl.deleteVertexArray(this.#vertices);
  }

  #texture(name: Name, { width, height }: Size, format: number): WebGLTexture {
    const gl = this.#gl;
    const texture = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.texStorage2D(gl.TEXTURE_2D, 1, format, width, height);
    for (const key of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, key, gl.NEAREST);
    for (const key of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, key, gl.CLAMP_TO_EDGE);
    this.#textures.set(name, texture);
    return texture;
  }

  #program({ shader, reads, writes }: (typeof PASSES)[number]): Program {
    const gl = this.#gl;
    const program = gl.createProgram();
    const kinds = [
      [gl.VERTEX_SHADER, VERTEX],
      [gl.FRAGMENT_SHADER, shader],
    ] as const;
    for (const [kind, source] of kinds) {
      const compiled = gl.createShader(kind)!;
      gl.shaderSource(compiled, source);
      gl.compileShader(compiled);
      gl.attachShader(program, compiled);
      if (!gl.getShaderParameter(compiled, gl.COMPILE_STATUS))
        throw new Error(gl.getShaderInfoLog(compiled) ?? 'shader');
      gl.deleteShader(compiled);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program) ?? 'program');
    gl.useProgram(program);
    for (const [unit, name] of reads.entries()) gl.uniform1i(gl.getUniformLocation(program, name), unit);
    const framebuffer = gl.createFramebuffer();
    gl.bindFramebuffer(gl.FRAMEBUFFER, framebuffer);
    for (const [n, name] of writes.entries()) {
      const last = name === 'depth';
      const texture = this.#texture(name, last ? this.#picture : this.#map, last ? gl.R32F : gl.RGBA32F);
      gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0 + n, gl.TEXTURE_2D, texture, 0);
    }
    gl.drawBuffers(writes.map((_, n) => gl.COLOR_ATTACHMENT0 + n));
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    const find = (name: string) => gl.getUniformLocation(program, name);
    return { program, framebuffer, limits: find('limits'), even: find('even') };
  }
}
