import { DataTexture, FloatType, LinearFilter, NearestFilter, NoColorSpace, RedFormat, Texture } from 'three';
import type { DepthFrame } from '../../src/protocol/index.ts';
import { inverseMetres, type MetresScale } from '../sdk/metres.ts';

/** A picture that a texture can show. A VideoFrame is cloned: its owner may close it at once. */
export type Picture = VideoFrame | ImageBitmap | HTMLVideoElement | HTMLCanvasElement | OffscreenCanvas;

/** The colour picture: its texels are sRGB as they are, its first row is the upper one. */
export class PictureTexture extends Texture {
  #own: VideoFrame | undefined;

  constructor() {
    super();
    this.flipY = false;
    this.generateMipmaps = false;
    this.minFilter = this.magFilter = LinearFilter;
    this.colorSpace = NoColorSpace;
  }

  show(picture: Picture): void {
    const own = frameOf(picture);
    const [width, height] = sizeOf(picture);
    // A texture of another size is another texture on the graphics card.
    if (this.image && (this.userData['width'] !== width || this.userData['height'] !== height)) super.dispose();
    Object.assign(this.userData, { width, height });
    this.image = own ?? picture;
    this.needsUpdate = true;
    this.#own?.close();
    this.#own = own;
  }

  override dispose(): void {
    this.#own?.close();
    this.#own = undefined;
    super.dispose();
  }
}

/** A frame of our own. Of a video too: three.js takes the size of its element, which may be 0, for that of its pictures. */
function frameOf(picture: Picture): VideoFrame | undefined {
  if (typeof VideoFrame === 'undefined') return undefined;
  if (picture instanceof VideoFrame) return picture.clone();
  // Workers have no such element.
  const video = typeof HTMLVideoElement !== 'undefined' && picture instanceof HTMLVideoElement ? picture : undefined;
  return video && video.readyState >= 2 ? new VideoFrame(video) : undefined;
}

function sizeOf(picture: Picture): [number, number] {
  if ('displayWidth' in picture) return [picture.displayWidth, picture.displayHeight];
  if ('videoWidth' in picture) return [picture.videoWidth, picture.videoHeight];
  return [picture.width, picture.height];
}

/** A depth map as inverse depth in 1/metres, 0 where there is none; one float a texel, the first row is the upper one. */
export class InverseDepthTexture {
  texture = new DataTexture(new Float32Array(1), 1, 1, RedFormat, FloatType);

  /** @returns whether the size changed */
  show(frame: DepthFrame, scale?: MetresScale): boolean {
    const { width, height, values } = frame;
    const resized = this.texture.image.width !== width || this.texture.image.height !== height;
    if (resized) {
      this.texture.dispose();
      this.texture = new DataTexture(new Float32Array(width * height), width, height, RedFormat, FloatType);
      // Read texel by texel: graphics cards need not filter floats.
      this.texture.minFilter = this.texture.magFilter = NearestFilter;
    }
    const inverse = inverseMetres(frame.unit, scale);
    const texels = this.texture.image.data as Float32Array;
    for (let i = 0; i < values.length; i++) {
      const value = inverse(values[i]!);
      texels[i] = value > 0 && value < Number.POSITIVE_INFINITY ? value : 0;
    }
    this.texture.needsUpdate = true;
    return resized;
  }

  dispose(): void {
    this.texture.dispose();
  }
}
