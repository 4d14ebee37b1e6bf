import { type DepthFormat, listCameras, type ModelInfo, type OutputSettings, type VideoCodec } from 'depthcast-client';
import { CODEC_NAMES, VIDEO_CODECS } from '../../../src/codecs.ts';
import type { ColourMapName } from '../../../src/protocol/colour-map.ts';
import { byId, fillSelect, segments } from '../dom.ts';
import type { PageSettings, SourceChoice } from './settings.ts';

export interface ControlHandlers {
  /** The one button: start, or stop what runs. */
  toggle(): void;
  source(choice: SourceChoice | undefined): void;
  output(change: Partial<OutputSettings>): void;
  codec(codec: VideoCodec): void;
  map(map: ColourMapName): void;
  view(view: 'data' | 'track'): void;
  reset(): void;
  /** The display range of the moment, with which a fixed one begins. */
  presentRange(): { near: number; far: number } | undefined;
}

/** What this browser can encode, and what the address asks for. */
function sendableCodecs(wanted: VideoCodec): VideoCodec[] {
  const codecs = globalThis.RTCRtpSender?.getCapabilities?.('video')?.codecs;
  const known = new Set(codecs?.map(({ mimeType }) => mimeType.slice('video/'.length).toUpperCase()));
  return CODEC_NAMES.filter((name) => name === wanted || VIDEO_CODECS[name].sent || known.has(name));
}

/** Everything that can be set on the page. */
export class Controls {
  readonly #handlers: ControlHandlers;
  readonly #start = byId('start', HTMLButtonElement);
  readonly #scene = byId('scene', HTMLSelectElement);
  readonly #camera = byId('camera', HTMLSelectElement);
  readonly #file = byId('file', HTMLInputElement);
  readonly #model = byId('model', HTMLSelectElement);
  readonly #size = byId('size', HTMLSelectElement);
  readonly #reset = byId('reset', HTMLButtonElement);
  readonly #track = byId('track', HTMLInputElement);
  readonly #near = byId('range-near', HTMLInputElement);
  readonly #far = byId('range-far', HTMLInputElement);
  readonly #kind;
  readonly #data;
  readonly #range;
  readonly #view;
  #models: ModelInfo[] = [];
  /** What the address of the page asked for, kept until another source is chosen. */
  #choice: SourceChoice;

  constructor(settings: PageSettings, scenes: readonly { name: string; title: string }[], handlers: ControlHandlers) {
    this.#handlers = handlers;
    this.#choice = settings.source;
    this.#kind = segments<SourceChoice['kind']>(
      'source-kind',
      [
        ['scene', 'Scene'],
        ['camera', 'Camera'],
        ['file', 'File'],
      ],
      () => this.#chooseSource(),
    );
    this.#data = segments<DepthFormat>(
      'data',
      [
        ['none', 'Off'],
        ['u8', 'u8'],
        ['u16', 'u16'],
        ['f16', 'f16'],
      ],
      (data) => handlers.output({ data }),
    );
    this.#range = segments<'auto' | 'fixed'>(
      'range',
      [
        ['auto', 'Auto'],
        ['fixed', 'Fixed'],
      ],
      (range) => this.#chooseRange(range),
    );
    this.#view = segments<'data' | 'track'>(
      'view',
      [
        ['data', 'Data'],
        ['track', 'Track'],
      ],
      handlers.view,
    );
    segments<ColourMapName>(
      'map',
      [
        ['turbo', 'Turbo'],
        ['inferno', 'Inferno'],
        ['gray', 'Gray'],
      ],
      handlers.map,
    ).value = settings.map;
    segments<VideoCodec>(
      'codec',
      sendableCodecs(settings.codec).map((name) => [name, VIDEO_CODECS[name].title]),
      handlers.codec,
    ).value = settings.codec;
    this.#view.value = settings.view;
    this.#kind.value = settings.source.kind;
    fillSelect(
      this.#scene,
      scenes.map(({ name, title }) => [name, title]),
      settings.source.kind === 'scene' ? settings.source.name : undefined,
    );
    this.setOutput(settings.output);
    this.setModels([], '');
    this.#showSourceRows();
    this.#listen();
    void this.refreshCameras();
  }

  /** The chosen source; undefined while a file is wanted and none chosen. */
  get choice(): SourceChoice | undefined {
    return this.#kind.value === this.#choice.kind ? this.#choice : undefined;
  }

  /** Opens the browser's file dialogue; only within a click. */
  askForFile(): void {
    this.#file.click();
  }

  get view(): 'data' | 'track' {
    return this.#view.value;
  }

  setView(view: 'data' | 'track'): void {
    this.#view.value = view;
  }

  setRunning(running: boolean): void {
    this.#start.textContent = running ? 'Stop' : 'Start';
    this.#start.classList.toggle('running', running);
    this.#reset.disabled = !running;
  }

  setModels(models: ModelInfo[], name: string): void {
    this.#models = models;
    this.#model.disabled = this.#size.disabled = models.length === 0;
    if (models.length === 0) {
      fillSelect(this.#model, [['', 'Server’s default']]);
      fillSelect(this.#size, [['', 'Default']]);
      return;
    }
    fillSelect(
      this.#model,
      models.map((m) => [m.name, m.name]),
      name,
    );
    this.#fillSizes(name);
  }

  /** Shows settings as they are in force. */
  setOutput({ track, data, range, model, size }: Partial<OutputSettings>): void {
    if (track) this.#track.checked = track === 'gray';
    if (data) this.#data.value = data;
    if (range) {
      this.#range.value = range === 'auto' ? 'auto' : 'fixed';
      this.#showRange(range);
    }
    if (model !== undefined && this.#models.length > 0) {
      this.#model.value = model;
      this.#fillSizes(model);
    }
    if (size !== undefined) this.#size.value = String(size);
  }

  async refreshCameras(): Promise<void> {
    const cameras = await listCameras().catch(() => []);
    const named = cameras.filter(({ deviceId }) => deviceId !== '');
    const wanted = this.#choice.kind === 'camera' ? this.#choice.deviceId : undefined;
    fillSelect(
      this.#camera,
      [['', 'Default camera'], ...named.map((c, i) => [c.deviceId, c.label || `Camera ${i + 1}`] as const)],
      wanted,
    );
  }

  #listen(): void {
    // Enter in a field confirms the field and nothing else.
    byId('controls', HTMLFormElement).addEventListener('submit', (event) => event.preventDefault());
    this.#start.addEventListener('click', () => this.#handlers.toggle());
    for (const input of [this.#scene, this.#camera, this.#file])
      input.addEventListener('change', () => this.#chooseSource());
    for (const input of [this.#near, this.#far]) input.addEventListener('change', () => this.#sendRange());
    this.#track.addEventListener('change', () =>
      this.#handlers.output({ track: this.#track.checked ? 'gray' : 'off' }),
    );
    this.#model.addEventListener('change', () => {
      const model = this.#models.find(({ name }) => name === this.#model.value);
      if (model) this.#handlers.output({ model: model.name, size: model.defaultSize });
    });
    this.#size.addEventListener('change', () => this.#handlers.output({ size: Number(this.#size.value) }));
    this.#reset.addEventListener('click', () => this.#handlers.reset());
    navigator.mediaDevices?.addEventListener('devicechange', () => void this.refreshCameras());
  }

  #showSourceRows(): void {
    for (const kind of ['scene', 'camera', 'file'] as const)
      byId(`${kind}-row`, HTMLElement).hidden = this.#kind.value !== kind;
  }

  #chooseSource(): void {
    this.#showSourceRows();
    const kind = this.#kind.value;
    const { width, height, frameRate } = { width: undefined, height: undefined, frameRate: undefined, ...this.#choice };
    const size = { ...(width && { width }), ...(height && { height }), ...(frameRate && { frameRate }) };
    const file = this.#file.files?.[0];
    if (kind === 'scene') this.#choice = { kind, name: this.#scene.value, ...size };
    else if (kind === 'camera')
      this.#choice = { kind, ...(this.#camera.value && { deviceId: this.#camera.value }), ...size };
    else if (file) this.#choice = { kind, file };
    this.#handlers.source(this.choice);
  }

  #fillSizes(name: string): void {
    const model = this.#models.find((m) => m.name === name);
    if (!model) return;
    this.#model.title = model.title;
    fillSelect(
      this.#size,
      model.sizes.map((size) => [String(size), size === model.defaultSize ? `${size} px (default)` : `${size} px`]),
    );
  }

  #chooseRange(kind: 'auto' | 'fixed'): void {
    if (kind === 'auto') {
      this.#handlers.output({ range: 'auto' });
      this.#showRange('auto');
      return;
    }
    this.#showRange(this.#handlers.presentRange() ?? { near: 1, far: 0 });
    this.#sendRange();
  }

  #showRange(range: OutputSettings['range']): void {
    byId('fixed-range', HTMLElement).hidden = range === 'auto';
    if (range === 'auto') return;
    // What is being typed is not overwritten.
    if (document.activeElement !== this.#near) this.#near.value = String(Number(range.near.toPrecision(4)));
    if (document.activeElement !== this.#far) this.#far.value = String(Number(range.far.toPrecision(4)));
  }

  #sendRange(): void {
    const [near, far] = [this.#near.valueAsNumber, this.#far.valueAsNumber];
    const wrong = !Number.isFinite(near) || !Number.isFinite(far) || near === far;
    this.#near.setCustomValidity(wrong ? 'Near and far must be two different numbers' : '');
    if (wrong) this.#near.reportValidity();
    else this.#handlers.output({ range: { near, far } });
  }
}
