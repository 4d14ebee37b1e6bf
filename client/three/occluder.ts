import { AlwaysDepth, BufferAttribute, BufferGeometry, GLSL3, Mesh, ShaderMaterial, Vector2, Vector4 } from 'three';
import type { DepthFrame } from '../../src/protocol/index.ts';
import type { MetresScale } from '../sdk/metres.ts';
import type { ViewRegion } from '../webxr/index.ts';
import { FRAGMENT, VERTEX } from './occluder-shader.ts';
import { InverseDepthTexture, type Picture, PictureTexture } from './pictures.ts';

export interface DepthOccluderOptions {
  /** Draws the picture too, as the scene's background. Without, only its depth is written, over what another layer shows. */
  showPicture?: boolean;
  /** What the view shows of the picture; default: all of it. See `coverRegion` of `depthcast-client/webxr`. */
  view?: ViewRegion;
}

/**
 * Real objects hide virtual ones: writes the depth of the camera's picture into the depth buffer before anything else of the
 * scene is drawn, at the resolution of the screen and with the outlines of the picture. Add it to the scene; give it each
 * picture and its depth with `update`.
 *
 * The scene's camera must see as the real one does: see `matchCamera`. WebGLRenderer, without logarithmic or reversed depth.
 */
export class DepthOccluder extends Mesh<BufferGeometry, ShaderMaterial> {
  readonly #picture = new PictureTexture();
  readonly #depth = new InverseDepthTexture();

  constructor({ showPicture = true, view }: DepthOccluderOptions = {}) {
    const material = new ShaderMaterial({
      glslVersion: GLSL3,
      vertexShader: VERTEX,
      fragmentShader: FRAGMENT,
      uniforms: {
        picture: { value: null },
        depthMap: { value: null },
        depthSize: { value: new Vector2(1, 1) },
        region: { value: new Vector4(0, 0, 1, 1) },
      },
      // Graphics cards write depth only where they test it.
      depthTest: true,
      depthFunc: AlwaysDepth,
      depthWrite: true,
      toneMapped: false,
      colorWrite: showPicture,
    });
    super(triangle(), material);
    this.frustumCulled = false;
    this.renderOrder = Number.NEGATIVE_INFINITY;
    this.visible = false;
    if (view) this.setView(view);
  }

  /**
   * Shows a picture and its depth. Both must be of the same moment: see `onPair`.
   * @param scale how relative disparity becomes metres; see `assumeMetres`
   * @throws DepthError NO_METRES for relative depth without a scale
   */
  update(picture: Picture, depth: DepthFrame, scale?: MetresScale): void {
    if (depth.values.length === 0) return;
    const { uniforms } = this.material;
    this.#depth.show(depth, scale);
    this.#picture.show(picture);
    uniforms['depthMap']!.value = this.#depth.texture;
    uniforms['picture']!.value = this.#picture;
    (uniforms['depthSize']!.value as Vector2).set(depth.width, depth.height);
    this.visible = true;
  }

  /** What the view shows of the picture. */
  setView({ x, y, width, height, mirrored = false }: ViewRegion): void {
    const region = this.material.uniforms['region']!.value as Vector4;
    if (mirrored) region.set(x + width, y, -width, height);
    else region.set(x, y, width, height);
  }

  /** Gives the memory on the graphics card back. */
  override dispose(): void {
    this.#picture.dispose();
    this.#depth.dispose();
    this.material.dispose();
    this.geometry.dispose();
  }
}

/** One triangle that covers the screen, in clip space. */
function triangle(): BufferGeometry {
  const geometry = new BufferGeometry();
  geometry.setAttribute('position', new BufferAttribute(Float32Array.of(-1, -1, 0, 3, -1, 0, -1, 3, 0), 3));
  return geometry;
}
