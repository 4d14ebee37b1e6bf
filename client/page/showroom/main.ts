import type { DepthError, LiveStats, ReceivedFrame } from 'depthcast-client';
import { ADVICE } from '../advice.ts';
import { gradient } from '../colour-maps.ts';
import { byId } from '../dom.ts';
import { carryToken } from '../here.ts';
import { Live } from '../live.ts';
import { often, type Slowness } from '../pace.ts';
import { createPainter } from '../picture/create-painter.ts';
import type { Picture } from '../picture/painter.ts';
import type { SpaceView } from '../space/space-view.ts';
import { Divide } from './divide.ts';
import { openFilm } from './film.ts';
import { ViewSettings } from './view-settings.ts';
import { VIEW_TEXTS, VIEWS, type View } from './views.ts';

/** What this page shows to a console or a test, as `window.showroom`. */
export interface ShowroomHandle {
  view: View;
  source: 'film' | 'camera';
  /** Depth frames shown since the page was loaded, and how many of them with the very picture that they are of. */
  frames: number;
  exact: number;
  frame: ReceivedFrame | undefined;
  errors: DepthError[];
}

declare global {
  interface Window {
    showroom: ShowroomHandle;
  }
}

const query = new URLSearchParams(location.search);
// What stood at this address before has moved.
if (query.has('autostart')) location.replace(`./bench${location.search}${location.hash}`);

const stage = byId('stage', HTMLElement);
const film = byId('film', HTMLVideoElement);
const camera = byId('camera', HTMLVideoElement);
const space = byId('space-box', HTMLElement);
const problem = byId('problem', HTMLElement);
const handle: ShowroomHandle = { view: 'compare', source: 'film', frames: 0, exact: 0, frame: undefined, errors: [] };
window.showroom = handle;

const painter = createPainter(byId('flat', HTMLCanvasElement), query.has('software'));
const divide = new Divide(byId('divide', HTMLElement), stage, (at) => {
  painter.look = { view: 'compare', divide: at };
  painter.repaint();
});
const settings = new ViewSettings(byId('settings', HTMLElement), applySettings);
let spaceView: SpaceView | undefined;
/** Of the pictures, as the style sheet has it. */
let aspect = '';
/** What is wrong with how depth comes. */
let slowness: Slowness | undefined;

const live = new Live({ track: 'off', data: 'u16' }, () => (handle.source === 'camera' ? camera : film), {
  frame: show,
  stream: (stream) => {
    if (handle.source === 'camera') camera.srcObject = stream;
  },
  state: (state) => {
    slowness = undefined;
    switch (state.name) {
      case 'live':
        problem.hidden = true;
        return handle.frames > 0 ? enter('live', 'Live') : enter('connecting', 'Waiting for depth …');
      case 'reconnecting':
        enter('connecting', 'Connecting again …');
        return report(state.error, { again: state.retryAt !== undefined });
      case 'failed':
        enter('failed', 'No depth now');
        return report(state.error, { again: true, final: true });
      case 'resting':
        return enter('connecting', 'Resting');
      default:
        return enter('connecting', 'Connecting …');
    }
  },
  stats: tell,
  pace: (next) => {
    slowness = next;
    enter(slowness ? 'slow' : 'live', slowness?.short ?? 'Live');
    if (slowness) byId('honest', HTMLElement).textContent = slowness.text;
  },
  trouble: (error) => {
    handle.errors = [...handle.errors.slice(-49), error];
  },
});

function show(picture: Picture, depth: ReceivedFrame, exact: boolean): void {
  if (depth.values.length === 0) return;
  handle.frames++;
  if (exact) handle.exact++;
  handle.frame = depth;
  const shape = `${depth.sourceWidth} / ${depth.sourceHeight}`;
  if (shape !== aspect) document.documentElement.style.setProperty('--aspect', shape);
  aspect = shape;
  if (handle.view === 'space' || handle.view === 'insert') spaceView?.show(picture, depth);
  else painter.show(picture, depth);
  if (handle.frames === 1) {
    stage.classList.add('fed');
    if (!slowness) enter('live', 'Live');
  }
  settings.showUnit(depth);
}

async function choose(view: View): Promise<void> {
  handle.view = view;
  stage.dataset['view'] = view;
  const text = VIEW_TEXTS[view];
  byId('explain', HTMLElement).textContent = text.explain;
  byId('scale', HTMLElement).hidden = view === 'insert' || view === 'space' || view === 'matte';
  byId('scale-bar', HTMLElement).style.background = gradient(view === 'key' ? 'gray' : 'inferno');
  const inSpace = view === 'space' || view === 'insert';
  settings.choose(view);
  applySettings();
  if (query.get('view') !== view) {
    query.set('view', view);
    history.replaceState(null, '', `?${query}${location.hash}`);
  }
  if (inSpace && !spaceView) {
    const { SpaceView } = await import('../space/space-view.ts');
    try {
      spaceView ??= new SpaceView(byId('space', HTMLCanvasElement), space);
      spaceView.onMove = (_at, nearness) => nearness !== undefined && settings.setNearness(nearness);
    } catch {
      // No graphics at all, not even in software.
      for (const input of document.querySelectorAll<HTMLInputElement>('#views [value=space], #views [value=insert]'))
        input.disabled = true;
      byId('explain', HTMLElement).textContent = 'This browser does not draw in space (WebGL 2 is off).';
      return;
    }
    applySettings();
  }
  // Another view may have been chosen while that was loaded.
  const now = handle.view === 'space' || handle.view === 'insert';
  space.hidden = !now;
  byId('flat', HTMLCanvasElement).hidden = now;
  spaceView?.choose(handle.view === 'space' ? 'cloud' : handle.view === 'insert' ? 'insert' : undefined);
  space.setAttribute(
    'aria-label',
    handle.view === 'insert' ? 'Planet; arrow keys move it' : 'View in space; arrow keys turn it',
  );
}

function applySettings(): void {
  const { view } = handle;
  if (view === 'compare') painter.look = { view, divide: divide.at };
  if (view === 'key') painter.look = { view };
  if (view === 'matte') painter.look = { view, ...settings.matte };
  painter.repaint();
  spaceView?.setNearness(settings.nearness);
}

function setSource(source: 'film' | 'camera'): void {
  byId('pause', HTMLButtonElement).setAttribute('aria-label', 'Pause');
  stage.classList.remove('paused');
  if (handle.source !== source) stage.classList.remove('fed');
  handle.source = source;
  film.hidden = source !== 'film';
  camera.hidden = source !== 'camera';
  handle.frames = handle.exact = 0;
  byId('source-label', HTMLElement).textContent = source === 'film' ? 'Use my camera' : 'Back to the film';
  byId('tag', HTMLElement).textContent = source === 'film' ? 'Synthetic film, no camera is on' : 'Your camera';
  if (source === 'camera') film.pause();
  void live.start(
    source === 'film'
      ? () => openFilm(film)
      : () => Promise.resolve({ kind: 'camera', facing: 'user', width: 960, height: 540 } as const),
  );
}

/** The last picture stays, and the server is left alone, until it goes on. */
function pause(): void {
  stage.classList.add('paused');
  byId('pause', HTMLButtonElement).setAttribute('aria-label', 'Go on');
  live.stop();
  film.pause();
  problem.hidden = true;
  enter('connecting', 'Paused');
}

function enter(state: 'connecting' | 'live' | 'slow' | 'failed', text: string): void {
  stage.dataset['state'] = state;
  const element = byId('state', HTMLElement);
  if (element.textContent !== text) element.textContent = text;
}

function tell({ client, depth }: LiveStats): void {
  if (handle.frames === 0 || slowness) return;
  const unit = handle.frame?.unit === 'metres' ? 'In metres, estimated' : 'Relative: nearer or farther, not metres';
  const behind =
    client.captureToDepth === undefined ? '' : `, ${Math.round(client.captureToDepth)} ms after each picture`;
  byId('honest', HTMLElement).textContent =
    `${unit}. ${capital(often(client.depthRate))}, ${depth.width} × ${depth.height} points${behind}.`;
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

function report(error: DepthError, { again, final = false }: { again: boolean; final?: boolean }): void {
  problem.hidden = false;
  problem.classList.toggle('final', final);
  byId('problem-message', HTMLElement).textContent = `${error.message.replace(/[.!?]$/, '')}.`;
  byId('problem-advice', HTMLElement).textContent = ADVICE[error.code] ?? '';
  const action = byId('problem-action', HTMLButtonElement);
  const camera = handle.source === 'camera' && final;
  action.hidden = !again;
  action.textContent = camera ? 'Back to the film' : 'Try now';
  action.onclick = () => (camera ? setSource('film') : live.retry());
}

function addViews(): void {
  const group = byId('views', HTMLElement);
  for (const view of VIEWS) {
    const { label, icon } = VIEW_TEXTS[view];
    const holder = document.createElement('label');
    holder.innerHTML = `<input type="radio" name="view" value="${view}"><span><svg viewBox="0 0 20 20" aria-hidden="true">${icon}</svg>${label}</span>`;
    const input = holder.firstElementChild as HTMLInputElement;
    input.addEventListener('change', () => void choose(view));
    group.append(holder);
  }
}

addViews();
carryToken();
byId('source', HTMLButtonElement).addEventListener('click', () => {
  setSource(handle.source === 'film' ? 'camera' : 'film');
});
byId('pause', HTMLButtonElement).addEventListener('click', () =>
  stage.classList.contains('paused') ? setSource(handle.source) : pause(),
);
const first = VIEWS.find((view) => view === query.get('view')) ?? 'compare';
const input = document.querySelector<HTMLInputElement>(`#views [value=${first}]`);
if (input) input.checked = true;
void choose(first);
setSource(query.get('source') === 'camera' ? 'camera' : 'film');
