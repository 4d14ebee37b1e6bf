// /desk/NAME: the levels of a stream's matte, on air while one turns them.

import type { ReceivedFrame } from 'depthcast-client';
import type { MatteChange, MatteUnit } from '../../src/protocol/matte.ts';
import { byId, make, segments } from '../page/dom.ts';
import { carryToken } from '../page/here.ts';
import { Pace } from '../page/pace.ts';
import { tokenOf } from '../page/token.ts';
import { whepAddress } from './address.ts';
import { AlphaPainter } from './alpha-painter.ts';
import { type Edge, Handles } from './handles.ts';
import { OutputLink, type OutputReport } from './output-link.ts';
import { type DepthRange, distanceAt, positionOfDistance } from './scale.ts';
import { BOTTOM, Scope, TOP } from './scope.ts';
import { type ViewState, WhepView } from './whep-view.ts';

/** What this page shows to a console or a test, as `window.depthcastDesk`. */
export interface DeskHandle {
  state: ViewState['name'];
  report: OutputReport | undefined;
  frame: ReceivedFrame | undefined;
  view: WhepView;
}
declare global {
  interface Window {
    depthcastDesk: DeskHandle;
  }
}

const STATES = { connecting: 'Connecting', live: 'Live', waiting: 'Waiting' } as const;
const GRID = [1, 0.75, 0.5, 0.25, 0];

const stream = decodeURIComponent(location.pathname.split('/').at(-1) ?? '');
const token = tokenOf(location.hash);
document.title = `Desk ${stream} – depthcast`;
byId('name', HTMLElement).textContent = stream;
carryToken();

const video = byId('video', HTMLVideoElement);
const scope = new Scope(byId('trace', HTMLCanvasElement), byId('histogram', HTMLCanvasElement));
let range: DepthRange = { unit: 'disparity', near: 1, far: 0 };
/** How pictures come to this desk, and when they were counted last. */
const pace = new Pace('depth');
let countedAt = performance.now();
/** The connection holds, and no picture comes. */
let silent = false;
let problems: Record<string, string | undefined> = {};

const view = new WhepView(video, {
  url: whepAddress(location.href, stream, 'matte-stacked'),
  token,
  onDepth: (frame) => {
    handle.frame = frame;
    const known = range.unit === frame.unit;
    range = { unit: frame.unit, near: frame.near, far: frame.far };
    scope.show(frame);
    // In metres the edges keep their distance, and move where the range does.
    if (!known || settings().unit === 'metres') showLevels();
  },
  onPictures: (count) => {
    const now = performance.now();
    const { p50 = 0 } = handle.report?.latency ?? {};
    for (let i = 1; i <= count; i++) pace.frame(p50 > 0 ? p50 : undefined, countedAt + ((now - countedAt) * i) / count);
    countedAt = now;
    showState();
  },
  onState: (state) => {
    handle.state = state.name;
    if (state.name === 'connecting') {
      pace.begin();
      countedAt = performance.now();
    }
    // Of pictures that are missing, `pace` says more.
    silent = state.name === 'waiting' && state.code === 'NO_PICTURE';
    const told = state.name === 'waiting' && !silent && state.code !== 'CONNECTION_LOST';
    tell('view', told ? state.message : undefined);
    showState();
  },
});
const handle: DeskHandle = { state: 'connecting', report: undefined, frame: undefined, view };
window.depthcastDesk = handle;

const handles = new Handles({
  moved: (edge, position) => change({ [edge]: distance(edge, position) }),
  describe: (edge, position) => describe(edge, distance(edge, position)),
});

const link = new OutputLink(new URL(`../api/streams/${encodeURIComponent(stream)}/output`, location.href), token, {
  report: (report) => {
    handle.report = report;
    if (report.live) pace.report(report);
    if (!handles.dragged && !link.busy) showLevels();
    showTally(report);
    showPresets(report);
  },
  problem: (message) => tell('link', message),
});

function settings() {
  return handle.report?.settings ?? { unit: 'normalised' as MatteUnit, near: 1, far: 0.5, soft: 0.1 };
}

/** A green lamp is for pictures that come as they should. */
function showState(): void {
  const { state } = handle;
  const slow = state === 'live' || silent ? pace.look() : undefined;
  const lamp = byId('state', HTMLElement);
  lamp.dataset['state'] = slow ? 'slow' : state;
  const text = slow?.short ?? STATES[state];
  if (lamp.textContent !== text) lamp.textContent = text;
  tell('pace', slow?.text);
}

/** At the top a matte has no near edge, at the bottom no far one. */
function distance(edge: Edge, position: number): number {
  const { unit } = settings();
  if (edge === 'near' && position >= 1) return unit === 'normalised' ? 1 : 0;
  if (edge === 'far' && position <= 0) return unit === 'normalised' ? 0 : 10_000;
  return distanceAt(position, unit, range);
}

function describe(edge: Edge, value: number): string {
  const { unit } = settings();
  if (edge === 'near' && value === (unit === 'normalised' ? 1 : 0)) return 'none: all that is near';
  if (edge === 'far' && (unit === 'normalised' ? value === 0 : value >= 10_000)) return 'none: all that is far';
  return unit === 'normalised' ? value.toFixed(3) : `${value.toFixed(2)} m`;
}

function change(part: MatteChange): void {
  if (handle.report) handle.report = { ...handle.report, settings: { ...handle.report.settings, ...part } as never };
  showNumbers();
  link.change(part);
}

function showLevels(): void {
  const { unit, near, far } = settings();
  handles.set(positionOfDistance(near, unit, range), positionOfDistance(far, unit, range));
  showNumbers();
  const marks = GRID.map((position) => {
    const mark = make(
      'li',
      {},
      unit === 'normalised' ? position.toFixed(2) : metres(distanceAt(position, unit, range)),
    );
    mark.style.top = `${(100 * (TOP - position)) / (TOP - BOTTOM)}%`;
    return mark;
  });
  byId('graticule', HTMLElement).replaceChildren(...marks);
}

const metres = (value: number): string => (value >= 10_000 ? '∞' : `${value.toPrecision(2)} m`);

function showNumbers(): void {
  for (const key of ['near', 'far', 'soft'] as const) {
    const input = byId(key, HTMLInputElement);
    if (document.activeElement !== input || handles.dragged) input.value = String(settings()[key]);
  }
  byId('unit', HTMLSelectElement).value = settings().unit;
}

function showTally({ live, viewers, tracks, framesOut, latency, framesDropped, metres: known }: OutputReport): void {
  byId('viewers', HTMLElement).textContent = String(viewers);
  byId('rate', HTMLElement).textContent = live ? framesOut.toFixed(1) : '–';
  byId('latency', HTMLElement).textContent = latency.p50 > 0 ? `${latency.p50.toFixed(0)} ms` : '–';
  byId('dropped', HTMLElement).textContent = String(framesDropped);
  const kinds = tracks.filter((track) => track.viewers > 0).map((track) => `${track.viewers} × ${track.layout}`);
  byId('kinds', HTMLElement).textContent =
    kinds.length > 0 ? `On air now: ${kinds.join(', ')} (this desk is one of them).` : '';
  const [, option] = byId('unit', HTMLSelectElement).options;
  option!.disabled = !known;
  option!.textContent = known ? 'metres' : 'metres: not known of this stream';
}

function showPresets({ presets, keptIn }: OutputReport): void {
  const list = byId('presets', HTMLElement);
  const { unit, near, far, soft } = settings();
  const content = JSON.stringify([presets, unit, near, far, soft]);
  if (list.dataset['content'] === content) return;
  list.dataset['content'] = content;
  const focused = document.activeElement?.closest('li')?.dataset['preset'];
  list.replaceChildren(
    ...Object.entries(presets).map(([name, preset]) => {
      const on = preset.unit === unit && preset.near === near && preset.far === far && preset.soft === soft;
      const recall = make('button', { type: 'button', className: 'preset' }, name);
      recall.setAttribute('aria-pressed', String(on));
      recall.addEventListener('click', () => link.recall(name));
      const remove = make('button', { type: 'button', className: 'remove', ariaLabel: `Remove ${name}` }, '×');
      remove.addEventListener('click', () => void link.removePreset(name));
      const item = make('li', {}, recall, remove);
      item.dataset['preset'] = name;
      if (name === focused) queueMicrotask(() => recall.focus());
      return item;
    }),
  );
  const none = Object.keys(presets).length === 0 ? 'None yet. Save keeps what is on air under a name. ' : '';
  byId('kept', HTMLElement).textContent =
    none +
    (keptIn === 'file' ? '' : 'They are kept until the server ends; outputs.settingsFile keeps them for longer.');
}

function tell(part: string, message: string | undefined): void {
  problems = { ...problems, [part]: message };
  const problem = byId('problem', HTMLElement);
  const text = Object.values(problems).find((one) => one !== undefined);
  problem.hidden = text === undefined;
  if (problem.textContent !== (text ?? '')) problem.textContent = text ?? '';
}

for (const key of ['near', 'far', 'soft'] as const)
  byId(key, HTMLInputElement).addEventListener('change', ({ target }) => {
    const value = (target as HTMLInputElement).valueAsNumber;
    if (Number.isFinite(value)) change({ [key]: value });
    else showNumbers();
    showLevels();
  });
byId('unit', HTMLSelectElement).addEventListener('change', ({ target }) => {
  const unit = (target as HTMLSelectElement).value as MatteUnit;
  const { near, far, soft, unit: was } = settings();
  const at = (value: number) => positionOfDistance(value, was, range);
  // What stands where it stood; the width of the ramp as it is at the far edge.
  const [from, to] = [at(near), at(far)].map((position) => Math.max(0, Math.min(1, position))) as [number, number];
  handle.report = handle.report && { ...handle.report, settings: { unit, near, far, soft } };
  const next = { near: distance('near', from), far: distance('far', to) };
  change({ unit, ...next, soft: unit === 'normalised' ? 0.1 : Math.round(10 * next.far) / 100 });
  showLevels();
});
byId('save', HTMLFormElement).addEventListener('submit', (event) => {
  event.preventDefault();
  const input = byId('preset', HTMLInputElement);
  void link.savePreset(input.value.trim()).then((saved) => {
    if (saved) input.value = '';
  });
});

for (const [path, title] of [
  ['key', 'Depth'],
  ['matte', 'Matte'],
  ['fill', 'Fill'],
  ['fill?alpha=matte', 'Keyed, transparent'],
  ['both', 'Fill and depth'],
] as const) {
  const [page, query = ''] = path.split('?');
  const url = new URL(`../${page}/${encodeURIComponent(stream)}${query && `?${query}`}`, location.href);
  const anchor = make('a', { href: `${url.pathname}${url.search}`, target: '_blank' }, title);
  const copy = make('button', { type: 'button', ariaLabel: `Copy the address of ${title}` }, 'Copy');
  copy.addEventListener('click', async () => {
    const done = await navigator.clipboard?.writeText(new URL(anchor.href).href).then(
      () => true,
      () => false,
    );
    copy.textContent = done ? 'Copied' : 'Not allowed';
    setTimeout(() => (copy.textContent = 'Copy'), 1500);
  });
  byId('pages', HTMLElement).append(make('li', {}, anchor, copy));
}

const keyed = byId('keyed', HTMLCanvasElement);
const matte = byId('matte', HTMLCanvasElement);
const shown = segments(
  'shown',
  [
    ['matte', 'Matte'],
    ['keyed', 'Keyed'],
  ] as const,
  (value) => {
    matte.hidden = value !== 'matte';
    keyed.hidden = value !== 'keyed';
  },
);
shown.value = 'matte';
try {
  new AlphaPainter(keyed, video, true);
} catch {
  // The two other pictures need no WebGL.
  shown.disabled = true;
}

/** The halves of the video, each on a canvas of its own. */
function paint(): void {
  const { videoWidth: width, videoHeight: height } = video;
  for (const [canvas, top] of [
    [byId('picture', HTMLCanvasElement), 0],
    [matte, height / 2],
  ] as const) {
    if (width === 0) break;
    if (canvas.width !== width || canvas.height !== height / 2) Object.assign(canvas, { width, height: height / 2 });
    canvas.getContext('2d')!.drawImage(video, 0, top, width, height / 2, 0, 0, width, height / 2);
  }
  video.requestVideoFrameCallback(paint);
}
video.requestVideoFrameCallback(paint);
showLevels();
window.addEventListener('pagehide', () => view.close());
window.addEventListener('pageshow', ({ persisted }) => {
  if (persisted) location.reload();
});
