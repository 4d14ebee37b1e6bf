import type { RenderTarget } from './renderer.ts';
import type { Scene } from './scene.ts';

/** Stream header of a YUV4MPEG2 file: 4:2:0, BT.601 limited range, chroma between the luma rows and columns. */
export function y4mHeader(width: number, height: number, fps: number): Uint8Array {
  const whole = Number.isInteger(fps);
  const rate = whole ? `${fps}:1` : `${Math.round(fps * 1000)}:1000`;
  return ascii(`YUV4MPEG2 W${width} H${height} F${rate} Ip A1:1 C420jpeg\n`);
}

const FRAME = ascii('FRAME\n');

/** Bytes of one frame in a y4m file, its marker included. */
export function y4mFrameSize(width: number, height: number): number {
  return FRAME.length + width * height + 2 * ((width + 1) >> 1) * ((height + 1) >> 1);
}

/** Writes one frame, marker and planes, into `out`, which holds y4mFrameSize bytes. */
export function y4mFrame(
  rgba: Uint8ClampedArray | Uint8Array,
  width: number,
  height: number,
  out: Uint8Array,
): Uint8Array {
  out.set(FRAME);
  const halfWidth = (width + 1) >> 1;
  const halfHeight = (height + 1) >> 1;
  let luma = FRAME.length;
  let cb = luma + width * height;
  let cr = cb + halfWidth * halfHeight;
  for (let i = 0; i < width * height * 4; i += 4)
    out[luma++] = (66 * rgba[i]! + 129 * rgba[i + 1]! + 25 * rgba[i + 2]! + 4224) >> 8;
  for (let y = 0; y < height; y += 2) {
    const below = y + 1 < height ? width * 4 : 0;
    for (let x = 0; x < width; x += 2) {
      const right = x + 1 < width ? 4 : 0;
      const a = (y * width + x) * 4;
      const [b, c, d] = [a + right, a + below, a + below + right];
      const red = rgba[a]! + rgba[b]! + rgba[c]! + rgba[d]!;
      const green = rgba[a + 1]! + rgba[b + 1]! + rgba[c + 1]! + rgba[d + 1]!;
      const blue = rgba[a + 2]! + rgba[b + 2]! + rgba[c + 2]! + rgba[d + 2]!;
      out[cb++] = (-38 * red - 74 * green + 112 * blue + 131584) >> 10;
      out[cr++] = (112 * red - 94 * green - 18 * blue + 131584) >> 10;
    }
  }
  return out;
}

/** The bytes of a y4m file of `frames` frames, piece by piece; each piece is valid until the next is taken. */
export function* y4mFile(scene: Scene, frames: number, fps = scene.fps): Generator<Uint8Array> {
  yield y4mHeader(scene.width, scene.height, fps);
  const out = new Uint8Array(y4mFrameSize(scene.width, scene.height));
  let target: RenderTarget | undefined;
  for (let n = 0; n < frames; n++) {
    target = scene.render(n / fps, target);
    yield y4mFrame(target.rgba, scene.width, scene.height, out);
  }
}

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (c) => c.charCodeAt(0));
}
