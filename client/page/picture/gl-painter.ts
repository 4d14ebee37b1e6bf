import type { ReceivedFrame } from 'depthcast-client';
import { WebGl2Upsampler } from '../../sdk/upsample/index.ts';
import { lookupTable } from '../colour-maps.ts';
import { DrawGate } from './draw-gate.ts';
import { FRAGMENT, VERTEX } from './gl-shaders.ts';
import { type Look, type Painter, type Picture, SOFT, sizeOf } from './painter.ts';

/** More pixels than this on a side show nothing more. */
const MAX_SIDE = 2560;

const VIEWS = { compare: 0, key: 1, matte: 2 } as const;

/** Draws on the graphics card, with depth enlarged along the picture's edges. */
export class GlPainter implements Painter {
  look: Look = { view: 'compare', divide: 0.5 };
  readonly #canvas: HTMLCanvasElement;
  readonly #gl: WebGL2RenderingContext;
  readonly #gate: DrawGate;
  #card: Card;
  #upsampler: { of: string; upsampler: WebGl2Upsampler } | undefined;
  #disparity = new Float32Array(0);
  /** Of the last frame; nothing is drawn before. */
  #shown: { depth: WebGLTexture; near: number; far: number; aspect: number } | undefined;

  constructor(canvas: HTMLCanvasElement, gl: WebGL2RenderingContext) {
    this.#canvas = canvas;
    this.#gl = gl;
    this.#gate = new DrawGate(gl);
    this.#card = new Card(gl);
    canvas.addEventListener('webglcontextlost', (event) => {
      event.preventDefault();
      this.#shown = this.#upsampler = undefined;
    });
    canvas.addEventListener('webglcontextrestored', () => {
      gl.getExtension('EXT_color_buffer_float');
      this.#card = new Card(gl);
    });
    new ResizeObserver(() => this.repaint()).observe(canvas);
  }

  show(picture: Picture, depth: ReceivedFrame): void {
    const { width, height } = sizeOf(picture);
    if (width < depth.width || height < depth.height || depth.values.length === 0 || this.#gl.isContextLost()) return;
    if (!this.#gate.open) return;
    const { near, far } = rangeOf(depth);
    const enlarged = this.#upsamplerFor(depth, { width, height }).upsample(this.#disparityOf(depth), picture, {
      near,
      far,
    });
    this.#card.setPicture(picture);
    this.#shown = { depth: enlarged, near, far, aspect: width / height };
    this.repaint();
    this.#gate.close();
  }

  repaint(): void {
    const { look } = this;
    const shown = this.#shown;
    if (!shown || this.#gl.isContextLost()) return;
    const width = Math.min(MAX_SIDE, Math.max(2, Math.round(this.#canvas.clientWidth * devicePixelRatio)));
    const height = Math.round(width / shown.aspect);
    if (this.#canvas.width !== width || this.#canvas.height !== height) Object.assign(this.#canvas, { width, height });
    this.#card.draw({
      depth: shown.depth,
      range: [shown.far, 1 / (shown.near - shown.far)],
      view: VIEWS[look.view],
      divide: look.view === 'compare' ? look.divide : 0,
      keep: look.view === 'matte' ? [look.far, look.near, SOFT, look.white ? 1 : 0] : [0, 1, SOFT, 0],
    });
  }

  #upsamplerFor(map: ReceivedFrame, picture: { width: number; height: number }): WebGl2Upsampler {
    const of = [map.width, map.height, picture.width, picture.height].join();
    if (this.#upsampler?.of !== of) {
      this.#upsampler?.upsampler.close();
      this.#upsampler = { of, upsampler: new WebGl2Upsampler(this.#gl, map, picture) };
    }
    return this.#upsampler.upsampler;
  }

  /** Metres are shown by their inverse, as everywhere. */
  #disparityOf({ values, unit }: ReceivedFrame): Float32Array {
    if (unit === 'disparity') return values;
    if (this.#disparity.length !== values.length) this.#disparity = new Float32Array(values.length);
    for (let i = 0; i < values.length; i++) this.#disparity[i] = 1 / values[i]!;
    return this.#disparity;
  }
}

function rangeOf({ near, far, unit }: ReceivedFrame): { near: number; far: number } {
  return unit === 'metres' ? { near: 1 / near, far: 1 / far } : { near, far };
}

interface Drawing {
  depth: WebGLTexture;
  range: [number, number];
  view: number;
  divide: number;
  /** Far, near, width of the edge, and whether white on black. */
  keep: [number, number, number, number];
}

/** What the last pass needs on the card. */
class Card {
  readonly #gl: WebGL2RenderingContext;
  readonly #program: WebGLProgram;
  readonly #picture: WebGLTexture;
  readonly #colours: WebGLTexture;
  readonly #uniforms: Record<string, WebGLUniformLocation | null>;

  /** @throws Error where a shader does not compile */
  constructor(gl: WebGL2RenderingContext) {
    this.#gl = gl;
    this.#program = link(gl);
    gl.useProgram(this.#program);
    for (const [unit, name] of ['picture', 'depth', 'colours'].entries())
      gl.uniform1i(gl.getUniformLocation(this.#program, name), unit);
    const find = (name: string) => gl.getUniformLocation(this.#program, name);
    this.#uniforms = { range: find('range'), view: find('view'), divide: find('divide'), keep: find('keep') };
    this.#picture = texture(gl, gl.LINEAR);
    this.#colours = texture(gl, gl.LINEAR);
    const table = new Uint8Array(lookupTable('inferno').buffer);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, 256, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, table);
  }

  setPicture(picture: Picture): void {
    const gl = this.#gl;
    gl.bindTexture(gl.TEXTURE_2D, this.#picture);
    gl.pixelStorei(gl.UNPACK_FLIP_Y_WEBGL, false);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, gl.RGBA, gl.UNSIGNED_BYTE, picture);
  }

  draw({ depth, range, view, divide, keep }: Drawing): void {
    const gl = this.#gl;
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.viewport(0, 0, gl.drawingBufferWidth, gl.drawingBufferHeight);
    gl.disable(gl.BLEND);
    gl.useProgram(this.#program);
    for (const [unit, bound] of [this.#picture, depth, this.#colours].entries()) {
      gl.activeTexture(gl.TEXTURE0 + unit);
      gl.bindTexture(gl.TEXTURE_2D, bound);
    }
    gl.activeTexture(gl.TEXTURE0);
    gl.uniform2f(this.#uniforms['range']!, ...range);
    gl.uniform1i(this.#uniforms['view']!, view);
    gl.uniform1f(this.#uniforms['divide']!, divide);
    gl.uniform4f(this.#uniforms['keep']!, ...keep);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }
}

function texture(gl: WebGL2RenderingContext, filter: number): WebGLTexture {
  const made = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, made);
  for (const key of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, key, filter);
  for (const key of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, key, gl.CLAMP_TO_EDGE);
  return made;
}

function link(gl: WebGL2RenderingContext): WebGLProgram {
  const program = gl.createProgram();
  const kinds = [
    [gl.VERTEX_SHADER, VERTEX],
    [gl.FRAGMENT_SHADER, FRAGMENT],
  ] as const;
  for (const [kind, source] of kinds) {
    const shader = gl.createShader(kind)!;
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
    gl.deleteShader(shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program) ?? 'program');
  return program;
}
