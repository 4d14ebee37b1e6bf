// The pages without chrome: /key/NAME, /matte/NAME, /fill/NAME, /both/NAME. Whatever happens they show the stream again once it is there.
import { byId } from '../page/dom.ts';
import { readAirAddress, whepAddress } from './address.ts';
import { AlphaPainter } from './alpha-painter.ts';
import { type ViewState, WhepView } from './whep-view.ts';

/** What this page shows to a console or a test, as `window.depthcastAir`. */
export interface AirHandle {
  state: ViewState['name'];
  /** Of the last state that was no live picture. */
  code: string | undefined;
  view: WhepView | undefined;
  painter: AlphaPainter | undefined;
}
declare global {
  interface Window {
    depthcastAir: AirHandle;
  }
}

/** ms for which the last picture stays when no more come: a freeze is better than a flash. */
const HOLD_MS = 3000;

const handle: AirHandle = { state: 'connecting', code: undefined, view: undefined, painter: undefined };
window.depthcastAir = handle;
const video = byId('video', HTMLVideoElement);
const canvas = byId('canvas', HTMLCanvasElement);
const root = document.documentElement;

let holding: number | undefined;

const address = readAirAddress(location.href);
if (typeof address === 'string') complain(address);
else {
  const { page, stream, layout, draw, fit, matte, token } = address;
  document.title = `${page} ${stream} – depthcast`;
  byId('title', HTMLElement).textContent = `${page} ${stream}`;
  root.dataset['ground'] = draw === 'video' ? 'black' : 'none';
  root.dataset['empty'] = '';
  video.style.objectFit = canvas.style.objectFit = fit;
  video.hidden = draw !== 'video';
  canvas.hidden = draw === 'video';
  try {
    if (draw !== 'video') handle.painter = new AlphaPainter(canvas, video, draw === 'keyed');
    handle.view = new WhepView(video, { url: whepAddress(location.href, stream, layout, matte), token, onState });
  } catch (thrown) {
    complain((thrown as Error).message);
  }
}

function onState(state: ViewState): void {
  handle.state = state.name;
  if (state.name === 'live') {
    clearTimeout(holding);
    holding = undefined;
    delete root.dataset['empty'];
    byId('problem', HTMLElement).hidden = true;
    return;
  }
  if (state.name !== 'waiting') return;
  handle.code = state.code;
  const held = performance.now() - (handle.view?.movedAt ?? 0);
  holding ??= window.setTimeout(empty, Math.max(0, HOLD_MS - held));
  if (state.problem) complain(state.message);
}

/** A picture that is no longer live must not pass for one that is. */
function empty(): void {
  root.dataset['empty'] = '';
  handle.painter?.clear();
}

function complain(message: string): void {
  const problem = byId('problem', HTMLElement);
  problem.textContent = message;
  problem.hidden = false;
}

window.addEventListener('pagehide', () => handle.view?.close());
// Back from the browser's cache of pages, the view is closed.
window.addEventListener('pageshow', ({ persisted }) => {
  if (persisted) location.reload();
});
