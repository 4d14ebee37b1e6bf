import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createScene } from '../../../src/scene/scene.ts';
import { y4mFrame, y4mFrameSize, y4mHeader } from '../../../src/scene/y4m.ts';
import { InputScaler, type Picture } from '../../../src/video/index.ts';

const WIDTH = 640;
const HEIGHT = 480;
const FPS = 30;

/** The picture's number in the scene, as black and white squares along its lower edge. */
const BITS = 8;
const SQUARE = 16;
const TOP = HEIGHT - SQUARE;

/** A scene as a camera: a y4m file for Chromium, played to and fro, and the exact depth of each of its pictures. */
export interface TruthCamera {
  file: string;
  /** Metres, [480*640], by picture number. */
  depths: Float32Array[];
  remove(): void;
}

export function truthCamera(scene: string, pictures: number): TruthCamera {
  const source = createScene(scene, { width: WIDTH, height: HEIGHT, fps: FPS });
  const folder = mkdtempSync(join(tmpdir(), 'depthcast-camera-'));
  const file = join(folder, `${scene}.y4m`);
  const target = source.renderFrame(0);
  const frames: Uint8Array[] = [];
  const depths: Float32Array[] = [];
  for (let n = 0; n < pictures; n++) {
    source.renderFrame(n, target);
    depths.push(Float32Array.from(target.depth));
    drawNumber(target.rgba, n);
    frames.push(y4mFrame(target.rgba, WIDTH, HEIGHT, new Uint8Array(y4mFrameSize(WIDTH, HEIGHT))));
  }
  const handle = openSync(file, 'w');
  writeSync(handle, y4mHeader(WIDTH, HEIGHT, FPS));
  for (const frame of [...frames, ...frames.slice(1, -1).reverse()]) writeSync(handle, frame);
  closeSync(handle);
  return { file, depths, remove: () => rmSync(folder, { recursive: true }) };
}

function drawNumber(rgba: Uint8ClampedArray, number: number): void {
  for (let bit = 0; bit < BITS; bit++)
    for (let y = TOP; y < HEIGHT; y++)
      for (let x = bit * SQUARE; x < (bit + 1) * SQUARE; x++)
        rgba.fill((number >> bit) & 1 ? 255 : 0, 4 * (y * WIDTH + x), 4 * (y * WIDTH + x) + 3);
}

/**
 * Reads the number in every picture on its way into the network, for a server in this process.
 * @returns picture numbers by RTP timestamp, growing as pictures come
 */
export function watchNumbers(): { numbers: Map<number, number>; stop(): void } {
  const numbers = new Map<number, number>();
  const { scaleInto } = InputScaler.prototype;
  InputScaler.prototype.scaleInto = async function (this: InputScaler, picture: Picture, ...rest) {
    const number = await picture.read(async (frame) => {
      const luma = frame.data![0]!;
      const stride = frame.linesize[0]!;
      let value = 0;
      for (let bit = 0; bit < BITS; bit++) {
        const middle = Math.round((TOP + SQUARE / 2) * (frame.height / HEIGHT));
        if (luma[middle * stride + Math.round((bit + 0.5) * SQUARE * (frame.width / WIDTH))]! > 125) value |= 1 << bit;
      }
      return value;
    });
    numbers.set(picture.rtpTimestamp, number);
    return scaleInto.call(this, picture, ...rest);
  };
  return {
    numbers,
    stop: () => {
      InputScaler.prototype.scaleInto = scaleInto;
    },
  };
}

/** Exact depth (metres) at the pixel centres of a map of another size. */
export function depthAt(depth: Float32Array, width: number, height: number): Float32Array {
  const out = new Float32Array(width * height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const sx = Math.floor(((x + 0.5) * WIDTH) / width);
      const sy = Math.floor(((y + 0.5) * HEIGHT) / height);
      out[y * width + x] = depth[sy * WIDTH + sx]!;
    }
  return out;
}
