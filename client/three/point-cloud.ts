import { BufferAttribute, BufferGeometry, GLSL3, Points, ShaderMaterial, Vector2, Vector4 } from 'three';
import type { DepthFrame } from '../../src/protocol/index.ts';
import type { MetresScale } from '../sdk/metres.ts';
import { type Lens, normalised } from './lens.ts';
import { InverseDepthTexture, type Picture, PictureTexture } from './pictures.ts';

export interface DepthPointCloudOptions {
  /** Side of a point in pixels of the screen, at one metre's distance; default 4. */
  pointSize?: number;
  /** Side of a point in parts of its distance to its neighbours, added to `pointSize`; above 1 surfaces close. Default 0. */
  fill?: number;
  /** Points whose neighbours' inverse depths differ by more than this part are left out: they lie between surfaces. */
  edge?: number;
}

/** The picture as points in the space of the camera: metres, x right, y up, -z forward. */
export class DepthPointCloud extends Points<BufferGeometry, ShaderMaterial> {
  readonly #picture = new PictureTexture();
  readonly #depth = new InverseDepthTexture();
  readonly #size = new Vector2();

  constructor({ pointSize = 4, fill = 0, edge = 0.08 }: DepthPointCloudOptions = {}) {
    const material = new ShaderMaterial({
      glslVersion: GLSL3,
      vertexShader: VERTEX,
      fragmentShader: FRAGMENT,
      uniforms: {
        picture: { value: null },
        depthMap: { value: null },
        depthSize: { value: new Vector2(1, 1) },
        lens: { value: new Vector4(1, 1, 0.5, 0.5) },
        pointSize: { value: pointSize },
        fill: { value: 0 },
        edge: { value: edge },
      },
      toneMapped: false,
    });
    super(new BufferGeometry(), material);
    this.frustumCulled = false;
    this.visible = false;
    if (fill > 0)
      this.onBeforeRender = (renderer) => {
        // In halves of the drawn height, as the projection is.
        material.uniforms['fill']!.value = 0.5 * fill * renderer.getDrawingBufferSize(this.#size).height;
        material.uniformsNeedUpdate = true;
      };
  }

  /**
   * Shows a picture and its depth, of the same moment.
   * @param lens of the camera that took the picture
   * @param scale how relative disparity becomes metres; see `assumeMetres`
   * @throws DepthError NO_METRES for relative depth without a scale
   */
  update(picture: Picture, depth: DepthFrame, lens: Lens, scale?: MetresScale): void {
    const { width, height, values } = depth;
    if (values.length === 0) return;
    if (this.#depth.show(depth, scale)) {
      this.geometry.dispose();
      this.geometry = grid(width, height);
    }
    this.#picture.show(picture);
    const { uniforms } = this.material;
    uniforms['depthMap']!.value = this.#depth.texture;
    uniforms['picture']!.value = this.#picture;
    (uniforms['depthSize']!.value as Vector2).set(width, height);
    const { fx, fy, cx, cy } = normalised(lens, depth);
    (uniforms['lens']!.value as Vector4).set(fx, fy, cx, cy);
    this.visible = true;
  }

  /** Gives the memory on the graphics card back. */
  override dispose(): void {
    this.#picture.dispose();
    this.#depth.dispose();
    this.material.dispose();
    this.geometry.dispose();
  }
}

/** A vertex for each texel: its column and row. */
function grid(width: number, height: number): BufferGeometry {
  const cells = new Uint16Array(width * height * 3);
  for (let i = 0; i < width * height; i++) {
    cells[3 * i] = i % width;
    cells[3 * i + 1] = Math.floor(i / width);
  }
  const geometry = new BufferGeometry();
  geometry.setAttribute('position', new BufferAttribute(cells, 3));
  return geometry;
}

const VERTEX = /* glsl */ `
uniform highp sampler2D depthMap;
uniform sampler2D picture;
uniform vec2 depthSize;
uniform vec4 lens;
uniform float pointSize;
uniform float fill;
uniform float edge;
out vec3 tint;
void main() {
  ivec2 cell = ivec2(position.xy);
  ivec2 last = ivec2(depthSize) - 1;
  float inverse = texelFetch(depthMap, cell, 0).r;
  float near = inverse;
  float far = inverse;
  for (int i = 0; i < 4; i++) {
    ivec2 beside = ivec2(i < 2 ? 2 * i - 1 : 0, i < 2 ? 0 : 2 * i - 5);
    float value = texelFetch(depthMap, clamp(cell + beside, ivec2(0), last), 0).r;
    near = max(near, value);
    far = min(far, value);
  }
  vec2 at = (position.xy + 0.5) / depthSize;
  tint = texture(picture, at).rgb;
  if (far <= 0.0 || near - far > edge * near) {
    // Outside of what is drawn.
    gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
    gl_PointSize = 0.0;
    return;
  }
  float z = 1.0 / inverse;
  vec2 ray = (at - lens.zw) / lens.xy;
  vec4 seen = modelViewMatrix * vec4(ray.x * z, -ray.y * z, -z, 1.0);
  gl_Position = projectionMatrix * seen;
  float between = z / (lens.y * depthSize.y);
  gl_PointSize = max(1.0, (pointSize + fill * projectionMatrix[1][1] * between) / max(0.05, -seen.z));
}
`;

const FRAGMENT = /* glsl */ `
in vec3 tint;
out vec4 colour;
void main() {
  colour = vec4(tint, 1.0);
}
`;
