const VERTEX = `#version 300 es
out vec2 at;
void main() {
  vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1);
  at = vec2(corner.x, 1.0 - corner.y);
  gl_Position = vec4(2.0 * corner - 1.0, 0.0, 1.0);
}`;

/** The lower half's first row, and the upper half's last, mix with each other where chroma is enlarged: they are left out. */
const FRAGMENT = `#version 300 es
precision highp float;
uniform sampler2D video;
uniform bool keyed;
in vec2 at;
out vec4 colour;
void main() {
  float rows = float(textureSize(video, 0).y);
  float edge = 1.5 / rows;
  if (keyed) {
    vec3 fill = texture(video, vec2(at.x, min(0.5 * at.y, 0.5 - edge))).rgb;
    float alpha = texture(video, vec2(at.x, max(0.5 + 0.5 * at.y, 0.5 + edge))).g;
    colour = vec4(fill * alpha, alpha);
  } else {
    float alpha = texture(video, at).g;
    colour = vec4(alpha);
  }
}`;

/** Paints each new picture of a video on a canvas, transparent by the matte that the video carries. Survives the loss of its GPU. */
export class AlphaPainter {
  readonly #canvas: HTMLCanvasElement;
  readonly #video: HTMLVideoElement;
  readonly #keyed: boolean;
  #draw: (() => void) | undefined;
  /** Pictures painted. */
  frames = 0;

  /** @param keyed the video is a picture above its matte; otherwise it is a matte */
  constructor(canvas: HTMLCanvasElement, video: HTMLVideoElement, keyed: boolean) {
    this.#canvas = canvas;
    this.#video = video;
    this.#keyed = keyed;
    canvas.addEventListener('webglcontextlost', (event) => {
      event.preventDefault();
      this.#draw = undefined;
    });
    canvas.addEventListener('webglcontextrestored', () => this.#open());
    this.#open();
    const next = () => {
      this.paint();
      video.requestVideoFrameCallback(next);
    };
    video.requestVideoFrameCallback(next);
  }

  paint(): void {
    const { videoWidth: width, videoHeight: height } = this.#video;
    if (!this.#draw || width === 0) return;
    const rows = this.#keyed ? height / 2 : height;
    if (this.#canvas.width !== width || this.#canvas.height !== rows)
      Object.assign(this.#canvas, { width, height: rows });
    this.#draw();
    this.frames++;
  }

  clear(): void {
    const gl = this.#canvas.getContext('webgl2');
    gl?.clearColor(0, 0, 0, 0);
    gl?.clear(gl.COLOR_BUFFER_BIT);
  }

  /** @throws Error where the browser has no WebGL 2 */
  #open(): void {
    const gl = this.#canvas.getContext('webgl2', { alpha: true, premultipliedAlpha: true, antialias: false });
    if (!gl) throw new Error('this browser has no WebGL 2: a transparent background needs it');
    const program = gl.createProgram();
    for (const [type, source] of [
      [gl.VERTEX_SHADER, VERTEX],
      [gl.FRAGMENT_SHADER, FRAGMENT],
    ] as const) {
      const shader = gl.createShader(type)!;
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost())
      throw new Error(gl.getProgramInfoLog(program) ?? 'WebGL');
    gl.useProgram(program);
    gl.uniform1i(gl.getUniformLocation(program, 'keyed'), this.#keyed ? 1 : 0);
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
    for (const [name, value] of [
      [gl.TEXTURE_MIN_FILTER, gl.LINEAR],
      [gl.TEXTURE_MAG_FILTER, gl.LINEAR],
      [gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE],
      [gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE],
    ] as const)
      gl.texParameteri(gl.TEXTURE_2D, name, value);
    this.#draw = () => {
      gl.viewport(0, 0, this.#canvas.width, this.#canvas.height);
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, this.#video);
      gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
    };
  }
}
