import { assumeMetres, type ReceivedFrame } from 'depthcast-client';
import { DepthOccluder, DepthPointCloud, matchCamera } from 'depthcast-client/three';
import { coverRegion } from 'depthcast-client/webxr';
import { AmbientLight, DirectionalLight, PerspectiveCamera, Scene, WebGLRenderer } from 'three';
import { nearness, sample } from '../depth-picture.ts';
import { DrawGate } from '../picture/draw-gate.ts';
import type { Picture } from '../picture/painter.ts';
import { Orbit } from './orbit.ts';
import { Planet } from './planet.ts';

/** What relative depth is taken to reach from and to (metres): enough to order things, not to measure them. */
const ASSUMED = { near: 0.6, far: 3 };
/** Radius of the planet in parts of the middle distance. */
const RADIUS = 0.1;
/** Parts of the view that an arrow key moves the planet. */
const STEP = 0.03;
const MAX_PIXEL_RATIO = 2;

/** A pointer that moved less (pixels) was a tap. */
const TAP = 8;

type Mode = 'cloud' | 'insert' | undefined;
/** In the view, 0 to 1 from its upper left corner. */
type Place = { x: number; y: number };
type Moved = (at: Place, nearness?: number) => void;

/** Distances that the display range stands for, in metres: real ones, or assumed. */
interface Reach {
  near: number;
  far: number;
}

/** Metres of a nearness (0 far to 1 near): equal steps are equal steps of disparity, as in the picture of depth. */
function metresAt(nearness: number, { near, far }: Reach): number {
  return 1 / (1 / far + nearness * (1 / near - 1 / far));
}

/** The inverse of `metresAt`, from 0 to 1. */
function nearnessAt(metres: number, { near, far }: Reach): number {
  return Math.min(1, Math.max(0, (1 / metres - 1 / far) / (1 / near - 1 / far)));
}

function reachOf({ unit, near, far }: Pick<ReceivedFrame, 'unit' | 'near' | 'far'>): Reach {
  return unit === 'metres' ? { near, far } : ASSUMED;
}

/** three.js on one canvas: the picture as points, or with a planet in it that real things hide. */
export class SpaceView {
  readonly #renderer: WebGLRenderer;
  readonly #gate: DrawGate;
  readonly #canvas: HTMLCanvasElement;
  readonly #camera = new PerspectiveCamera(50, 16 / 9, 0.02, 500);
  readonly #scene = new Scene();
  readonly #cloud = new DepthPointCloud({ pointSize: 0, fill: 1.6 });
  readonly #occluder = new DepthOccluder();
  readonly #planet = new Planet();
  readonly #orbit: Orbit;
  /** Nothing moves but what the user or the picture does: it is drawn when one of them has. */
  readonly #still = matchMedia('(prefers-reduced-motion: reduce)').matches;
  #drawn = '';
  #shown = 0;
  #mode: Mode;
  #reach: Reach = ASSUMED;
  #nearness = 0.3;
  /** Where the planet stands in the view, 0 to 1 from the upper left corner. */
  #at: Place = { x: 0.46, y: 0.4 };
  #moved: Moved = () => {};
  #tapped: ((seen: Place) => boolean) | undefined;
  #pressed: { x: number; y: number; dragged: boolean } | undefined;
  #depth: ReceivedFrame | undefined;

  /**
   * @param box around the canvas: takes pointers and, with the focus, keys
   * @throws Error where there is no WebGL 2
   */
  constructor(canvas: HTMLCanvasElement, box: HTMLElement) {
    this.#canvas = canvas;
    box.tabIndex = 0;
    this.#renderer = new WebGLRenderer({ canvas, antialias: true, alpha: true });
    this.#gate = new DrawGate(this.#renderer.getContext() as WebGL2RenderingContext);
    this.#orbit = new Orbit(box, this.#still);
    const sun = new DirectionalLight('#fff4e2', 2.6);
    sun.position.set(-2, 2.5, 2);
    this.#scene.add(this.#cloud, this.#occluder, this.#planet, sun, new AmbientLight('#dfe8ff', 0.7));
    box.addEventListener('pointerdown', (event) => {
      if (this.#mode !== 'insert') return;
      box.setPointerCapture(event.pointerId);
      this.#pressed = { x: event.clientX, y: event.clientY, dragged: false };
    });
    box.addEventListener('pointermove', (event) => this.#drag(event));
    box.addEventListener('pointerup', (event) => {
      if (this.#mode === 'insert' && this.#pressed && !this.#pressed.dragged) this.#place(this.#placeOf(event));
      this.#pressed = undefined;
    });
    box.addEventListener('pointercancel', () => {
      this.#pressed = undefined;
    });
    box.addEventListener('keydown', (event) => this.#key(event));
  }

  /** Told of each new place of the planet, and of its nearness where it was set onto a surface. */
  set onMove(moved: Moved) {
    this.#moved = moved;
  }

  /** Asked at each tap, with its place in the picture (0 to 1), whether it was meant for somebody else than the planet. */
  set onTap(tapped: (seen: Place) => boolean) {
    this.#tapped = tapped;
  }

  /** undefined rests: nothing is drawn. */
  choose(mode: Mode): void {
    this.#mode = mode;
    this.#cloud.visible = this.#occluder.visible = this.#planet.visible = false;
    this.#orbit.enabled = mode === 'cloud';
    this.#renderer.setAnimationLoop(mode ? () => this.#draw() : null);
  }

  /** Of the planet, 0 (farthest) to 1. */
  setNearness(nearness: number): void {
    this.#nearness = nearness;
  }

  setPlace(at: Place): void {
    this.#at = at;
  }

  show(picture: Picture, depth: ReceivedFrame): void {
    this.#depth = depth;
    if (!this.#gate.open) return;
    this.#shown++;
    this.#reach = reachOf(depth);
    const scale = depth.unit === 'metres' ? undefined : assumeMetres(depth, ASSUMED.near, ASSUMED.far);
    const { clientWidth, clientHeight } = this.#canvas;
    const aspect = clientWidth / Math.max(1, clientHeight);
    if (this.#mode === 'cloud') this.#cloud.update(picture, depth, depth.intrinsics, scale);
    if (this.#mode === 'insert') {
      this.#occluder.setView(coverRegion(depth.sourceWidth / depth.sourceHeight, aspect));
      this.#occluder.update(picture, depth, scale);
      this.#planet.visible = true;
    }
    matchCamera(this.#camera, depth.intrinsics, depth, aspect);
  }

  #draw(): void {
    const { clientWidth, clientHeight } = this.#canvas;
    if (clientWidth === 0 || !this.#gate.open) return;
    const seconds = this.#still ? 0 : performance.now() / 1000;
    if (this.#still) {
      const { x, y } = this.#at;
      const drawn = [
        this.#mode,
        this.#shown,
        this.#orbit.turns,
        x,
        y,
        this.#nearness,
        clientWidth,
        clientHeight,
      ].join();
      if (drawn === this.#drawn) return;
      this.#drawn = drawn;
    }
    const { near, far } = this.#reach;
    // Clip planes that keep a depth buffer's precision, whatever the scene's size.
    this.#camera.near = near / 20;
    this.#camera.far = far * 20;
    if (this.#mode === 'cloud') this.#orbit.place(this.#camera, metresAt(0.45, this.#reach), seconds);
    else {
      this.#camera.position.set(0, 0, 0);
      this.#camera.rotation.set(0, 0, 0);
      const away = metresAt(this.#nearness, this.#reach);
      const half = away * Math.tan((this.#camera.fov * Math.PI) / 360);
      this.#planet.position.set((2 * this.#at.x - 1) * half * this.#camera.aspect, (1 - 2 * this.#at.y) * half, -away);
      this.#planet.scale.setScalar(RADIUS * metresAt(0.5, this.#reach));
      this.#planet.turn(seconds);
    }
    this.#camera.updateProjectionMatrix();
    this.#renderer.setPixelRatio(Math.min(MAX_PIXEL_RATIO, devicePixelRatio));
    this.#renderer.setSize(clientWidth, clientHeight, false);
    this.#renderer.render(this.#scene, this.#camera);
    this.#gate.close();
  }

  #placeOf({ clientX, clientY }: PointerEvent): Place {
    const { left, top, width, height } = this.#canvas.getBoundingClientRect();
    return { x: (clientX - left) / width, y: (clientY - top) / height };
  }

  #drag(event: PointerEvent): void {
    const pressed = this.#pressed;
    if (this.#mode !== 'insert' || !pressed) return;
    pressed.dragged ||= Math.hypot(event.clientX - pressed.x, event.clientY - pressed.y) > TAP;
    if (pressed.dragged) this.#moveTo(this.#placeOf(event));
  }

  /** A tap: onto what is seen there. */
  #place(at: Place): void {
    const depth = this.#depth;
    if (!depth) {
      this.#moveTo(at);
      return;
    }
    const { clientWidth, clientHeight } = this.#canvas;
    const region = coverRegion(depth.sourceWidth / depth.sourceHeight, clientWidth / clientHeight);
    const seen = { x: region.x + region.width * at.x, y: region.y + region.height * at.y };
    if (this.#tapped?.(seen)) return;
    const value = sample(depth, seen.x, seen.y);
    const there = value === undefined ? Number.NaN : nearness(value, depth);
    // In front of the surface, not half within it.
    const free = metresAt(there, this.#reach) - RADIUS * metresAt(0.5, this.#reach);
    if (Number.isFinite(free)) this.#nearness = free > this.#reach.near ? nearnessAt(free, this.#reach) : 1;
    this.#moveTo(at, this.#nearness);
  }

  #key(event: KeyboardEvent): void {
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (this.#mode !== 'insert' || !by) return;
    event.preventDefault();
    const [x = 0, y = 0] = by;
    this.#moveTo({ x: this.#at.x + x * STEP, y: this.#at.y + y * STEP });
  }

  #moveTo({ x, y }: Place, nearness?: number): void {
    const clamp = (value: number) => Math.min(1, Math.max(0, value));
    this.#at = { x: clamp(x), y: clamp(y) };
    this.#moved(this.#at, nearness);
  }
}
