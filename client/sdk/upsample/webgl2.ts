import type { Upsampling } from '../../../src/protocol/output.ts';
import { evenOf, PASSES, type Pass, type ShaderName, type Size, type Texture } from './filter.ts';
import { SHADERS, VERTEX } from './shaders.ts';

interface Program {
  program: WebGLProgram;
  limits: WebGLUniformLocation | null;
  even: WebGLUniformLocation | null;
  size: WebGLUniformLocation | null;
}

interface Step {
  program: Program;
  framebuffer: WebGLFramebuffer;
  reads: readonly WebGLTexture[];
  target: Size;
}

/**
 * Enlarges depth maps along the edges of their pictures on a graphics card, as the server's setting `upsampling` does:
 *
 * - `off`: interpolates, in one pass of four texture reads a pixel.
 * - `fast`: a colour guided filter (He, Sun: Fast Guided Filter, 2015) in seven passes, all but the last at the map's size.
 * - `best`: the same behind steps made steep, in six passes more: around each step the texels of a 9x9 window vote by likeness of colour
 *   for its near or its far side. For networks, whose steps are soft; true depth gains nothing by it.
 *
 * Values are those of the server but for the rounding of colours. Works in a WebGL2 context of the caller's, whose state it changes:
 * program, framebuffer, viewport, vertex array, bound textures.
 */
export class WebGl2Upsampler {
  readonly #gl: WebGL2RenderingContext;
  readonly #map: Size;
  readonly #picture: Size;
  readonly #upsampling: Upsampling;
  readonly #textures = new Map<Texture, WebGLTexture>();
  readonly #programs = new Map<ShaderName, Program>();
  readonly #steps: Step[];
  readonly #vertices: WebGLVertexArrayObject;

  /**
   * @param map size of the maps
   * @param picture size of the pictures, no smaller
   * @param upsampling `off`, `fast` or `best`
   * @throws Error where the context has no float targets (EXT_color_buffer_float) or a shader does not compile
   */
  constructor(gl: WebGL2RenderingContext, map: Size, picture: Size, upsampling: Upsampling = 'fast') {
    if (!gl.getExtension('EXT_color_buffer_float')) throw new Error('EXT_color_buffer_float is missing');
    this.#gl = gl;
    this.#map = map;
    this.#picture = picture;
    this.#upsampling = upsampling;
    this.#vertices = gl.createVertexArray();
    if (upsampling !== 'off') this.#texture('picture', picture, gl.RGBA8);
    this.#texture('map', map, gl.R32F);
    this.#steps = PASSES[upsampling].map((pass) => this.#step(pass));
  }

  /** The enlarged depth, in `r`, of the picture's size, 32-bit floats; the same texture each time. */
  get texture(): WebGLTexture {
    return this.#textures.get('depth')!;
  }

  /**
   * Enlarges one map.
   * @param values [height*width] disparity; NaN becomes the farthest
   * @param picture of the constructor's size; `off` does not look at it
   * @param range of the display, in the unit of the values
   * @returns `texture`
   */
  upsample(values: Float32Array, picture: TexImageSource, { near, far }: { near: number; far: number }): WebGLTexture {
    const gl = this.#gl;
    gl.bindTexture(gl.TEXTURE_2D, this.#textures.get('map')!);
    gl.pixelStorei(gl.UNPACK_FLIP_Y_WEBGL, false);
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, this.#map.width, this.#map.height, gl.RED, gl.FLOAT, values);
    if (this.#upsampling !== 'off') {
      gl.bindTexture(gl.TEXTURE_2D, this.#textures.get('picture')!);
      gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, gl.RGBA, gl.UNSIGNED_BYTE, picture);
    }
    gl.bindVertexArray(this.#vertices);
    gl.disable(gl.BLEND);
    gl.disable(gl.DEPTH_TEST);
    gl.disable(gl.SCISSOR_TEST);
    const limit = evenOf(this.#upsampling, { near, far });
    for (const { program, framebuffer, reads, target } of this.#steps) {
      gl.bindFramebuffer(gl.FRAMEBUFFER, framebuffer);
      gl.viewport(0, 0, target.width, target.height);
      gl.useProgram(program.program);
      for (const [unit, texture] of reads.entries()) {
        gl.activeTexture(gl.TEXTURE0 + unit);
        gl.bindTexture(gl.TEXTURE_2D, texture);
      }
      gl.uniform2f(program.limits, near, far);
      gl.uniform1f(program.even, limit);
      gl.uniform2f(program.size, target.width, target.height);
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
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.#steps.at(-1)!.framebuffer);
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
    for (const { program } of this.#programs.values()) gl.deleteProgram(program);
    for (const { framebuffer } of this.#steps) gl.deleteFramebuffer(framebuffer);
    gl.deleteVertexArray(this.#vertices);
  }

  /** Made once, for all passes that write or read it. */
  #texture(name: Texture, { width, height }: Size, format: number): WebGLTexture {
    const gl = this.#gl;
    const made = this.#textures.get(name);
    if (made) return made;
    const texture = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.texStorage2D(gl.TEXTURE_2D, 1, format, width, height);
    for (const key of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, key, gl.NEAREST);
    for (const key of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, key, gl.CLAMP_TO_EDGE);
    this.#textures.set(name, texture);
    return texture;
  }

  #step({ shader, reads, writes }: Pass): Step {
    const gl = this.#gl;
    const written = Object.values(writes);
    const last = written[0] === 'depth';
    const target = last ? this.#picture : this.#map;
    const framebuffer = gl.createFramebuffer();
    gl.bindFramebuffer(gl.FRAMEBUFFER, framebuffer);
    for (const [n, name] of written.entries()) {
      const texture = this.#texture(name, target, last ? gl.R32F : gl.RGBA32F);
      gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0 + n, gl.TEXTURE_2D, texture, 0);
    }
    gl.drawBuffers(written.map((_, n) => gl.COLOR_ATTACHMENT0 + n));
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    const program = this.#programs.get(shader) ?? this.#program(shader, Object.keys(reads));
    this.#programs.set(shader, program);
    return { program, framebuffer, reads: Object.values(reads).map((name) => this.#textures.get(name)!), target };
  }

  #program(shader: ShaderName, reads: readonly string[]): Program {
    const gl = this.#gl;
    const program = gl.createProgram();
    const kinds = [
      [gl.VERTEX_SHADER, VERTEX],
      [gl.FRAGMENT_SHADER, SHADERS[shader]],
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
    const find = (name: string) => gl.getUniformLocation(program, name);
    for (const [unit, name] of reads.entries()) gl.uniform1i(find(name), unit);
    return { program, limits: find('limits'), even: find('even'), size: find('size') };
  }
}
