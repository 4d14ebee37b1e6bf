import type { ReceivedFrame } from 'depthcast-client';
import { lookupTable } from '../colour-maps.ts';
import { paint } from '../depth-picture.ts';
import { type Look, type Painter, type Picture, SOFT, sizeOf } from './painter.ts';

/** Coloured depth is 256 pixels from far to near, as `lookupTable` gives them. */
const TABLES = { compare: lookupTable('inferno'), key: lookupTable('gray') };

/** Opaque where `far` to `near` is, with soft ends. */
function matteTable(far: number, near: number, white: boolean): Uint32Array {
  const gray = lookupTable('gray');
  return Uint32Array.from({ length: 256 }, (_, i) => {
    const t = i / 255;
    const share = Math.min(1, Math.max(0, Math.min(t - far, near - t) / SOFT + 0.5));
    const level = Math.round(255 * share);
    // White on black is opaque everywhere; a mask is of alpha alone, the uppermost byte on every machine that browsers run on.
    return white ? gray[level]! : ((level << 24) | 0xffffff) >>> 0;
  });
}

/** Draws with the processor: depth is enlarged smoothly, not along edges. */
export class CanvasPainter implements Painter {
  look: Look = { view: 'compare', divide: 0.5 };
  readonly #context: CanvasRenderingContext2D;
  readonly #picture = new OffscreenCanvas(16, 9).getContext('2d', { alpha: false })!;
  readonly #depth = new OffscreenCanvas(16, 9).getContext('2d')!;
  #frame: ReceivedFrame | undefined;
  #image = new ImageData(16, 9);

  constructor(canvas: HTMLCanvasElement) {
    const context = canvas.getContext('2d');
    if (!context) throw new Error('this browser has no canvas');
    this.#context = context;
  }

  show(picture: Picture, depth: ReceivedFrame): void {
    const { width, height } = sizeOf(picture);
    if (width === 0 || depth.values.length === 0) return;
    for (const { canvas } of [this.#context, this.#picture])
      if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    this.#picture.drawImage(picture, 0, 0, width, height);
    this.#frame = depth;
    this.repaint();
  }

  repaint(): void {
    const frame = this.#frame;
    if (!frame) return;
    const { look } = this;
    const { width, height } = this.#context.canvas;
    this.#paintDepth(frame, look.view === 'matte' ? matteTable(look.far, look.near, look.white) : TABLES[look.view]);
    const context = this.#context;
    context.imageSmoothingQuality = 'high';
    context.globalCompositeOperation = 'copy';
    context.drawImage(this.#depth.canvas, 0, 0, width, height);
    if (look.view === 'matte' && !look.white) {
      context.globalCompositeOperation = 'source-in';
      context.drawImage(this.#picture.canvas, 0, 0);
    }
    const left = look.view === 'compare' ? Math.round(look.divide * width) : 0;
    context.globalCompositeOperation = 'source-over';
    if (left > 0) context.drawImage(this.#picture.canvas, 0, 0, left, height, 0, 0, left, height);
  }

  #paintDepth(frame: ReceivedFrame, table: Uint32Array): void {
    const { width, height } = frame;
    if (this.#image.width !== width || this.#image.height !== height) {
      this.#image = new ImageData(width, height);
      Object.assign(this.#depth.canvas, { width, height });
    }
    paint(frame, table, new Uint32Array(this.#image.data.buffer));
    this.#depth.putImageData(this.#image, 0, 0);
  }
}
