import type { PerspectiveCamera } from 'three';

const LIMITS = { yaw: 1.1, pitch: 0.75, near: 0.35, far: 1.8 };
/** Radians that an arrow key turns. */
const STEP = 0.08;
/** A look around as long as nobody has touched it: radians to each side, and seconds there and back. */
const SWAY = { yaw: 0.32, pitch: 0.07, seconds: 9 };

/** Turns a camera around a point before it: by drag, pinch, wheel and arrow keys. */
export class Orbit {
  enabled = false;
  /** Counts what the user did. */
  turns = 0;
  #yaw = 0;
  #pitch = 0;
  #zoom = 1;
  #touched: boolean;
  readonly #pointers = new Map<number, { x: number; y: number }>();

  /** @param still it does not look around by itself */
  constructor(element: HTMLElement, still: boolean) {
    this.#touched = still;
    element.addEventListener('pointerdown', (event) => {
      if (!this.enabled) return;
      element.setPointerCapture(event.pointerId);
      this.#pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    });
    element.addEventListener('pointermove', (event) => this.#drag(event, element.clientHeight));
    for (const end of ['pointerup', 'pointercancel'] as const)
      element.addEventListener(end, (event) => this.#pointers.delete(event.pointerId));
    element.addEventListener(
      'wheel',
      (event) => {
        if (!this.enabled) return;
        event.preventDefault();
        this.#set(this.#yaw, this.#pitch, this.#zoom * Math.exp(event.deltaY * 0.001));
      },
      { passive: false },
    );
    element.addEventListener('keydown', (event) => this.#key(event));
  }

  /** @param away metres from the taken picture's camera to the point that is turned around */
  place(camera: PerspectiveCamera, away: number, seconds: number): void {
    const sway = this.#touched ? 0 : Math.sin((seconds * 2 * Math.PI) / SWAY.seconds);
    const yaw = this.#yaw + SWAY.yaw * sway;
    const pitch = this.#pitch + SWAY.pitch * Math.abs(sway);
    const distance = away * this.#zoom;
    camera.position.set(
      distance * Math.sin(yaw) * Math.cos(pitch),
      distance * Math.sin(pitch),
      distance * Math.cos(yaw) * Math.cos(pitch) - away,
    );
    camera.lookAt(0, 0, -away);
  }

  #drag(event: PointerEvent, height: number): void {
    const from = this.#pointers.get(event.pointerId);
    if (!from || !this.enabled) return;
    const to = { x: event.clientX, y: event.clientY };
    const others = [...this.#pointers].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
    const other = others[0];
    if (other) {
      const spread = (at: { x: number; y: number }) => Math.hypot(at.x - other.x, at.y - other.y);
      this.#set(this.#yaw, this.#pitch, (this.#zoom * spread(from)) / Math.max(1, spread(to)));
    } else {
      const scale = 2.4 / height;
      this.#set(this.#yaw - (to.x - from.x) * scale, this.#pitch + (to.y - from.y) * scale, this.#zoom);
    }
    this.#pointers.set(event.pointerId, to);
  }

  #key(event: KeyboardEvent): void {
    if (!this.enabled) return;
    const turn = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    const zoom = { '+': 1 / 1.1, '=': 1 / 1.1, '-': 1.1 }[event.key];
    if (!turn && !zoom) return;
    event.preventDefault();
    const [across = 0, up = 0] = turn ?? [];
    this.#set(this.#yaw + across * STEP, this.#pitch + up * STEP, this.#zoom * (zoom ?? 1));
  }

  #set(yaw: number, pitch: number, zoom: number): void {
    const clamp = (value: number, limit: number) => Math.min(limit, Math.max(-limit, value));
    this.#touched = true;
    this.turns++;
    this.#yaw = clamp(yaw, LIMITS.yaw);
    this.#pitch = clamp(pitch, LIMITS.pitch);
    this.#zoom = Math.min(LIMITS.far, Math.max(LIMITS.near, zoom));
  }
}
