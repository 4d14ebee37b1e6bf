import type { ReceivedFrame } from 'depthcast-client';
import type { ColourMapName } from '../../../src/protocol/colour-map.ts';
import { gradient, lookupTable, transferTables } from '../colour-maps.ts';
import { formatValue, nearness, paint, sample, type ValueRange, valueAt } from '../depth-picture.ts';
import { byId } from '../dom.ts';

/** Part of a picture's side that one press of an arrow key moves the probe; ten times that with Shift. */
const PROBE_STEP = 0.01;

/** The two pictures, the probe that is shown on both, and the scale below them. */
export class Stage {
  readonly #screens = [byId('source-screen', HTMLElement), byId('depth-screen', HTMLElement)] as const;
  readonly #sourceVideo = byId('source-video', HTMLVideoElement);
  readonly #still = byId('source-still', HTMLCanvasElement);
  readonly #depthVideo = byId('depth-video', HTMLVideoElement);
  readonly #canvas = byId('depth-canvas', HTMLCanvasElement);
  readonly #context = this.#canvas.getContext('2d');
  readonly #readout = byId('readout', HTMLOutputElement);
  readonly #announcement = byId('announcement', HTMLElement);
  readonly #sourceEmpty = byId('source-empty', HTMLElement);
  readonly #depthEmpty = byId('depth-empty', HTMLElement);
  readonly #sourceDetail = byId('source-detail', HTMLElement);
  readonly #depthDetail = byId('depth-detail', HTMLElement);
  readonly #scaleBar = byId('scale-bar', HTMLElement);
  readonly #scaleMark = byId('scale-mark', HTMLElement);
  readonly #lumaProbe = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  #image = new ImageData(16, 12);
  #table = lookupTable('turbo');
  #frame: ReceivedFrame | undefined;
  #range: ValueRange | undefined;
  #view: 'data' | 'track' = 'data';
  #drawing = 0;
  /** In 0..1 of the picture. */
  #probe: { x: number; y: number } | undefined;
  #sourceLabel = '';

  constructor() {
    this.#depthVideo.addEventListener('resize', () => this.#draw());
    for (const screen of this.#screens) {
      screen.addEventListener('pointermove', (event) => this.#point(screen, event));
      screen.addEventListener('pointerdown', (event) => this.#point(screen, event));
      screen.addEventListener('pointerleave', (event) => {
        // A finger leaves its mark until the next touch; a mouse takes it along.
        if (event.pointerType === 'mouse') this.#moveProbe(undefined);
      });
      screen.addEventListener('keydown', (event) => this.#key(event));
      screen.addEventListener('blur', () => this.#moveProbe(undefined));
    }
    this.#sourceVideo.addEventListener('resize', () => this.#sizeSource());
    new ResizeObserver(() => this.#placeProbe()).observe(this.#screens[1]);
  }

  showSource(stream: MediaStream | undefined, label: string): void {
    this.#sourceLabel = label;
    this.#sourceVideo.srcObject = stream ?? null;
    if (stream) this.showStill(undefined);
    this.#sourceDetail.textContent = label;
    this.#screens[0].classList.toggle('live', stream !== undefined);
  }

  /** A picture for as long as there is no stream. */
  showStill(picture: ImageData | undefined): void {
    this.#still.hidden = !picture;
    if (!picture) return;
    Object.assign(this.#still, { width: picture.width, height: picture.height });
    this.#still.getContext('2d')?.putImageData(picture, 0, 0);
  }

  setMessages(source: string, depth: string): void {
    this.#sourceEmpty.textContent = source;
    this.#depthEmpty.textContent = this.#hasDepth() ? '' : depth;
  }

  /** Draws a frame before the next repaint; of several only the last. */
  showFrame(frame: ReceivedFrame): void {
    this.#frame = frame;
    this.showRange(frame);
    if (!this.#drawing) {
      this.#drawing = requestAnimationFrame(() => {
        this.#drawing = 0;
        this.#draw();
      });
    }
  }

  showRange(range: ValueRange): void {
    this.#range = range;
    byId('scale-far', HTMLElement).textContent = formatValue(range.far, range.unit);
    byId('scale-near', HTMLElement).textContent = formatValue(range.near, range.unit);
    byId('scale-unit', HTMLElement).textContent = range.unit === 'metres' ? 'metres' : 'relative disparity';
  }

  setMap(map: ColourMapName): void {
    this.#table = lookupTable(map);
    this.#scaleBar.style.background = gradient(map);
    const filter = byId('depth-colours', SVGFilterElement);
    transferTables(map).forEach((table, i) => {
      filter.firstElementChild?.children[i]?.setAttribute('tableValues', table);
    });
    this.#screens[1].classList.toggle('coloured', map !== 'gray');
    this.#draw();
  }

  setView(view: 'data' | 'track', stream: MediaStream | undefined): void {
    this.#view = view;
    this.#depthVideo.srcObject = view === 'track' ? (stream ?? null) : null;
    this.#depthVideo.hidden = view !== 'track';
    this.#canvas.hidden = view === 'track';
    // What was drawn before may be long past.
    if (view === 'data') this.#context?.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
    this.#frame = undefined;
  }

  /** Empties the depth picture; what was seen does not belong to what comes. */
  clear(): void {
    this.#frame = undefined;
    this.#range = undefined;
    this.#context?.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
    this.#depthVideo.srcObject = null;
    this.#depthDetail.textContent = '';
    for (const id of ['scale-far', 'scale-near']) byId(id, HTMLElement).textContent = '–';
    byId('scale-unit', HTMLElement).textContent = '';
    this.#moveProbe(undefined);
  }

  showSourceDetail(text: string): void {
    this.#sourceDetail.textContent = text;
  }

  showDepthDetail(text: string): void {
    this.#depthDetail.textContent = text;
  }

  #hasDepth(): boolean {
    return this.#view === 'track' ? this.#depthVideo.videoWidth > 0 : (this.#frame?.values.length ?? 0) > 0;
  }

  #draw(): void {
    const frame = this.#frame;
    if (frame && frame.values.length > 0 && this.#view === 'data') {
      const { width, height } = frame;
      if (this.#image.width !== width || this.#image.height !== height) {
        this.#image = new ImageData(width, height);
        Object.assign(this.#canvas, { width, height });
      }
      paint(frame, this.#table, new Uint32Array(this.#image.data.buffer));
      this.#context?.putImageData(this.#image, 0, 0);
    }
    if (this.#hasDepth()) this.#depthEmpty.textContent = '';
    this.#screens[1].classList.toggle('live', this.#hasDepth());
    this.#updateReadout();
  }

  #sizeSource(): void {
    const { videoWidth: width, videoHeight: height } = this.#sourceVideo;
    if (width === 0) return;
    document.documentElement.style.setProperty('--aspect', `${width} / ${height}`);
    this.#sourceDetail.textContent = `${this.#sourceLabel ? `${this.#sourceLabel}, ` : ''}${width} × ${height}`;
  }

  /** Where the picture lies in its screen, in pixels: as large as fits, centred. */
  #pictureBox(screen: HTMLElement): { left: number; top: number; width: number; height: number } {
    const { clientWidth, clientHeight } = screen;
    const { videoWidth, videoHeight } = this.#sourceVideo;
    const aspect = videoWidth > 0 ? videoWidth / videoHeight : clientWidth / clientHeight;
    const width = Math.min(clientWidth, clientHeight * aspect);
    const height = width / aspect;
    return { left: (clientWidth - width) / 2, top: (clientHeight - height) / 2, width, height };
  }

  #point(screen: HTMLElement, event: PointerEvent): void {
    const rect = screen.getBoundingClientRect();
    const box = this.#pictureBox(screen);
    this.#moveProbe({
      x: (event.clientX - rect.left - box.left) / box.width,
      y: (event.clientY - rect.top - box.top) / box.height,
    });
  }

  #key(event: KeyboardEvent): void {
    const direction = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (event.key === 'Escape') this.#moveProbe(undefined);
    if (!direction) return;
    event.preventDefault();
    const [dx = 0, dy = 0] = direction;
    const step = event.shiftKey ? PROBE_STEP * 10 : PROBE_STEP;
    const from = this.#probe ?? { x: 0.5, y: 0.5 };
    const clamp = (v: number) => Math.min(1, Math.max(0, v));
    this.#moveProbe({ x: clamp(from.x + dx * step), y: clamp(from.y + dy * step) });
    this.#announcement.textContent = this.#readout.textContent;
  }

  #moveProbe(probe: { x: number; y: number } | undefined): void {
    const inside = probe && probe.x >= 0 && probe.x <= 1 && probe.y >= 0 && probe.y <= 1;
    this.#probe = inside && (this.#range || this.#sourceVideo.srcObject) ? probe : undefined;
    this.#placeProbe();
    this.#updateReadout();
  }

  #placeProbe(): void {
    for (const screen of this.#screens) {
      screen.classList.toggle('probing', this.#probe !== undefined);
      if (!this.#probe) continue;
      const box = this.#pictureBox(screen);
      screen.style.setProperty('--x', (box.left + this.#probe.x * box.width).toFixed(1));
      screen.style.setProperty('--y', (box.top + this.#probe.y * box.height).toFixed(1));
    }
  }

  #updateReadout(): void {
    const value = this.#probe && this.#valueUnderProbe(this.#probe.x, this.#probe.y);
    const range = this.#range;
    this.#scaleMark.hidden = value === undefined || !range;
    if (value === undefined || !range) {
      this.#readout.textContent = '';
      return;
    }
    const t = nearness(value, range);
    const percent = Number.isFinite(t) ? `${Math.round(t * 100)} % near` : 'no value';
    const exact = document.createElement('span');
    exact.textContent = range.unit === 'metres' ? percent : formatValue(value, range.unit);
    this.#readout.replaceChildren(range.unit === 'metres' ? formatValue(value, range.unit) : percent, exact);
    this.#readout.style.setProperty('--readout-width', `${this.#readout.offsetWidth}px`);
    this.#scaleMark.style.left = `${(Number.isFinite(t) ? t : 0) * 100}%`;
  }

  /** From the data, or else from the brightness of the gray track. */
  #valueUnderProbe(x: number, y: number): number | undefined {
    const value = this.#frame && sample(this.#frame, x, y);
    if (value !== undefined || this.#view === 'data' || !this.#range) return value;
    const { videoWidth, videoHeight } = this.#depthVideo;
    if (videoWidth === 0 || !this.#lumaProbe) return undefined;
    const [column, row] = [Math.floor(x * (videoWidth - 1)), Math.floor(y * (videoHeight - 1))];
    this.#lumaProbe.drawImage(this.#depthVideo, column, row, 1, 1, 0, 0, 1, 1);
    return valueAt((this.#lumaProbe.getImageData(0, 0, 1, 1).data[0] ?? 0) / 255, this.#range);
  }
}
