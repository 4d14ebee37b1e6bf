import type { ReceivedFrame } from 'depthcast-client';
import { CanvasPainter } from './canvas-painter.ts';
import { GlPainter } from './gl-painter.ts';
import type { Look, Painter, Picture } from './painter.ts';

/**
 * On the graphics card, along the picture's edges, where there is one that can; else by the processor, plainly.
 * @param software takes software that plays a graphics card, too
 */
export function createPainter(canvas: HTMLCanvasElement, software: boolean): Painter {
  return new SafePainter(canvas, software);
}

/** Begins with the graphics card, and goes on without it where it fails. */
class SafePainter implements Painter {
  #canvas: HTMLCanvasElement;
  #painter: Painter;
  #plain = false;

  constructor(canvas: HTMLCanvasElement, software: boolean) {
    this.#canvas = canvas;
    const gl = canvas.getContext('webgl2', {
      antialias: false,
      depth: false,
      failIfMajorPerformanceCaveat: !software,
      preserveDrawingBuffer: true,
    });
    try {
      this.#painter = gl ? new GlPainter(canvas, gl) : new CanvasPainter(canvas);
      this.#plain = !gl;
    } catch (thrown) {
      this.#painter = this.#resume(thrown);
    }
  }

  get look(): Look {
    return this.#painter.look;
  }

  set look(look: Look) {
    this.#painter.look = look;
  }

  show(picture: Picture, depth: ReceivedFrame): void {
    try {
      this.#painter.show(picture, depth);
    } catch (thrown) {
      this.#painter = this.#resume(thrown);
      this.#painter.show(picture, depth);
    }
  }

  repaint(): void {
    this.#painter.repaint();
  }

  /** A canvas has one kind of context for ever: another one takes its place. */
  #resume(thrown: unknown): Painter {
    if (this.#plain) throw thrown;
    this.#plain = true;
    console.warn('drawing goes on without the graphics card:', thrown);
    const next = this.#canvas.cloneNode() as HTMLCanvasElement;
    this.#canvas.replaceWith(next);
    this.#canvas = next;
    const painter = new CanvasPainter(next);
    if (this.#painter) painter.look = this.#painter.look;
    return painter;
  }
}
