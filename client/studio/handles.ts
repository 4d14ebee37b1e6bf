import { byId } from '../page/dom.ts';
import { BOTTOM, TOP } from './scope.ts';

/** Steps of the keys, in positions; with Shift, or Page Up and Down, ten times as much. */
const STEP = 0.005;
const MIN_GAP = 0.005;

export type Edge = 'near' | 'far';

export interface HandlesListener {
  /** A person moves an edge to a position, 0 far to 1 near. */
  moved(edge: Edge, position: number): void;
  /** What is read out for a position. */
  describe(edge: Edge, position: number): string;
}

/** The near and far edges as lines over the trace, dragged or moved by keys. */
export class Handles {
  readonly #listener: HandlesListener;
  readonly #positions: Record<Edge, number> = { near: 1, far: 0.5 };
  #dragged: Edge | undefined;

  constructor(listener: HandlesListener) {
    this.#listener = listener;
    for (const edge of ['near', 'far'] as const) this.#wire(edge);
  }

  get dragged(): boolean {
    return this.#dragged !== undefined;
  }

  set(near: number, far: number): void {
    this.#positions.near = bounded(near);
    this.#positions.far = bounded(far);
    this.#draw();
  }

  #wire(edge: Edge): void {
    const handle = byId(`${edge}-handle`, HTMLElement);
    const track = handle.parentElement!;
    handle.addEventListener('pointerdown', (event) => {
      handle.setPointerCapture(event.pointerId);
      this.#dragged = edge;
    });
    handle.addEventListener('pointermove', ({ clientY }) => {
      if (this.#dragged !== edge) return;
      const { top, height } = track.getBoundingClientRect();
      this.#move(edge, TOP - ((clientY - top) / height) * (TOP - BOTTOM));
    });
    const release = () => {
      this.#dragged = undefined;
    };
    handle.addEventListener('pointerup', release);
    handle.addEventListener('pointercancel', release);
    handle.addEventListener('keydown', (event) => {
      const big = event.shiftKey ? 10 : 1;
      const now = this.#positions[edge];
      const to = {
        ArrowUp: now + big * STEP,
        ArrowRight: now + big * STEP,
        ArrowDown: now - big * STEP,
        ArrowLeft: now - big * STEP,
        PageUp: now + 10 * STEP,
        PageDown: now - 10 * STEP,
        Home: 0,
        End: 1,
      }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      this.#move(edge, to);
    });
  }

  #move(edge: Edge, wanted: number): void {
    const { near, far } = this.#positions;
    const position = edge === 'near' ? Math.max(far + MIN_GAP, wanted) : Math.min(near - MIN_GAP, wanted);
    this.#positions[edge] = bounded(position);
    this.#draw();
    this.#listener.moved(edge, this.#positions[edge]);
  }

  #draw(): void {
    const share = (position: number) => (100 * (TOP - position)) / (TOP - BOTTOM);
    for (const edge of ['near', 'far'] as const) {
      const position = this.#positions[edge];
      const handle = byId(`${edge}-handle`, HTMLElement);
      handle.style.top = `${share(position)}%`;
      handle.setAttribute('aria-valuemin', '0');
      handle.setAttribute('aria-valuemax', '1');
      handle.setAttribute('aria-valuenow', position.toFixed(3));
      handle.setAttribute('aria-valuetext', this.#listener.describe(edge, position));
    }
    byId('cut-near', HTMLElement).style.height = `${share(this.#positions.near)}%`;
    byId('cut-far', HTMLElement).style.height = `${100 - share(this.#positions.far)}%`;
  }
}

const bounded = (position: number): number => Math.max(0, Math.min(1, position));
