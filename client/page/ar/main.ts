import type { DepthError, ReceivedFrame, SourceSpec } from 'depthcast-client';
import { ADVICE } from '../advice.ts';
import { formatValue, valueAt } from '../depth-picture.ts';
import { byId } from '../dom.ts';
import { carryToken } from '../here.ts';
import { Live } from '../live.ts';
import type { Picture } from '../picture/painter.ts';
import type { SpaceView } from '../space/space-view.ts';
import { explainPhone, showCode } from './phone.ts';
import { type ArSettings, readSettings, searchOf } from './settings.ts';
import { ScreenWakeLock } from './wake-lock.ts';

/** What this page shows to a console or a test, as `window.ar`. */
export interface ArHandle {
  settings: ArSettings;
  state: string;
  /** Depth frames shown since the last beginning, and how many of them with the very picture that they are of. */
  frames: number;
  exact: number;
  frame: ReceivedFrame | undefined;
  errors: DepthError[];
  /** The screen is kept on. */
  readonly awake: boolean;
}

declare global {
  interface Window {
    ar: ArHandle;
  }
}

const settings = readSettings(location.search);
const awake = new ScreenWakeLock();
const handle: ArHandle = {
  ...{ settings, state: 'idle', frames: 0, exact: 0, frame: undefined, errors: [] },
  get awake() {
    return awake.held;
  },
};
window.ar = handle;

const view = byId('view', HTMLElement);
const camera = byId('camera', HTMLVideoElement);
const distance = byId('distance', HTMLInputElement);
/** A hint is said until it was followed. */
let hint = 'Tap where the planet shall stand';
/** Metres of what is tapped next. */
let told: number | undefined;
/** What is wrong with how depth comes, in words. */
let slow: string | undefined;
let space: SpaceView | undefined;
let code: Promise<typeof import('../space/space-view.ts')> | undefined;
const loadSpace = () => {
  code ??= import('../space/space-view.ts');
  return code;
};

const live = new Live({ track: 'off', data: 'u16', ...settings.output }, () => camera, {
  frame: show,
  stream: (stream) => {
    camera.srcObject = stream;
  },
  state: (state) => {
    handle.state = state.name;
    slow = undefined;
    switch (state.name) {
      case 'live':
        return guide();
      case 'reconnecting':
        return say(`${sentence(state.error)} ${state.attempt > 0 ? 'It is tried again.' : ''}`);
      case 'failed':
        leave();
        return report(state.error);
      case 'resting':
        return say('Resting');
      default:
        return say('Connecting …');
    }
  },
  stats: () => {},
  pace: (slowness) => {
    slow = slowness?.text;
    guide();
  },
  trouble: (error) => {
    handle.errors = [...handle.errors.slice(-49), error];
  },
});

function show(picture: Picture, depth: ReceivedFrame, exact: boolean): void {
  if (depth.values.length === 0) return;
  handle.frames++;
  if (exact) handle.exact++;
  const same = handle.frame?.unit === depth.unit;
  handle.frame = depth;
  space?.show(picture, depth);
  view.classList.add('fed');
  if (!same || depth.unit === 'metres') describe();
}

/** Everything within the one tap: full screen and the wake lock are given to nothing else. */
async function begin(): Promise<void> {
  byId('problem', HTMLElement).hidden = true;
  byId('before', HTMLElement).hidden = true;
  view.hidden = false;
  handle.frames = handle.exact = 0;
  // Not every browser has it (iPhones), and where it is refused the page is large all the same.
  document.documentElement.requestFullscreen?.({ navigationUI: 'hide' }).catch(() => {});
  awake.hold(true);
  void live.start(openSource);
  try {
    const { SpaceView } = await loadSpace();
    space ??= newSpace(SpaceView);
    space.choose('insert');
  } catch {
    leave();
    report(undefined);
  }
}

function newSpace(Space: typeof SpaceView): SpaceView {
  const made = new Space(byId('space', HTMLCanvasElement), byId('space-box', HTMLElement));
  made.setNearness(settings.nearness);
  made.setPlace(settings.at);
  made.onMove = (at, nearness) => {
    settings.at = at;
    if (nearness !== undefined) {
      settings.nearness = nearness;
      distance.valueAsNumber = Math.round(nearness * 100);
    }
    hint = '';
    guide();
    describe();
    keep();
  };
  made.onTap = (seen) => {
    if (told === undefined) return false;
    live.session?.anchor([{ ...seen, metres: told }]);
    told = undefined;
    guide();
    return true;
  };
  return made;
}

function leave(): void {
  live.stop();
  told = undefined;
  space?.choose(undefined);
  awake.hold(false);
  camera.srcObject = null;
  view.classList.remove('fed');
  view.hidden = true;
  byId('before', HTMLElement).hidden = false;
  handle.state = 'idle';
  if (document.fullscreenElement) void document.exitFullscreen();
  byId('begin', HTMLButtonElement).focus();
}

function openSource(): Promise<SourceSpec> {
  const { scene, facing } = settings;
  return Promise.resolve(
    scene === undefined
      ? { kind: 'camera', facing, width: 960, height: 720, frameRate: 30 }
      : { kind: 'scene', name: scene, width: 640, height: 480 },
  );
}

/** How far away the planet is, and how sure that is. */
function describe(): void {
  const { frame } = handle;
  const metric = frame?.unit === 'metres';
  const percent = Math.round(settings.nearness * 100);
  const relative = percent >= 100 ? 'nearest' : percent <= 0 ? 'farthest' : `${percent} % near`;
  const text = metric ? formatValue(valueAt(settings.nearness, frame), 'metres') : relative;
  byId('distance-text', HTMLOutputElement).textContent = text;
  distance.setAttribute('aria-valuetext', text);
  byId('honest', HTMLElement).textContent = !frame
    ? ''
    : metric
      ? 'In metres, as the network or a distance that was told gives them.'
      : 'No metres: this network knows nearer and farther only.';
}

/** The address carries what is set, so that it can be handed on. */
function keep(): void {
  history.replaceState(null, '', `${searchOf(settings, location.search)}${location.hash}`);
}

/** While it is live: what a person is to do, or has to know. */
function guide(): void {
  if (handle.state !== 'live') return;
  say(told !== undefined ? `Now tap what is ${told} m away` : hint, slow);
}

/** @param pace what is wrong with how depth comes; it takes the place of nothing else */
function say(text: string, pace = ''): void {
  set('note', text);
  set('pace', pace);
}

function set(id: string, text: string): void {
  const element = byId(id, HTMLElement);
  if (element.textContent !== text) element.textContent = text;
}

const sentence = ({ message }: DepthError): string => `${message.replace(/[.!?]$/, '')}.`;

/** @param error undefined where nothing can be drawn in space */
function report(error: DepthError | undefined): void {
  byId('problem', HTMLElement).hidden = false;
  byId('problem-message', HTMLElement).textContent = error ? sentence(error) : 'This browser does not draw in space.';
  byId('problem-advice', HTMLElement).textContent = error
    ? (ADVICE[error.code] ?? '')
    : 'WebGL 2 is missing or turned off. Another browser may have it.';
}

byId('begin', HTMLButtonElement).addEventListener('click', () => void begin());
byId('leave', HTMLButtonElement).addEventListener('click', leave);
byId('flip', HTMLButtonElement).addEventListener('click', () => {
  settings.facing = settings.facing === 'environment' ? 'user' : 'environment';
  settings.scene = undefined;
  keep();
  void live.start(openSource);
});
byId('share', HTMLButtonElement).addEventListener('click', async () => {
  byId('sharing', HTMLDialogElement).showModal();
  await showCode('sharing', settings);
});
distance.valueAsNumber = Math.round(settings.nearness * 100);
distance.addEventListener('input', () => {
  settings.nearness = distance.valueAsNumber / 100;
  space?.setNearness(settings.nearness);
  describe();
});
distance.addEventListener('change', keep);
// Whoever leaves full screen by the system's own way stays in the view; Escape leaves it.
addEventListener('keydown', (event) => {
  if (event.key === 'Escape' && !view.hidden && !document.querySelector('dialog[open]')) leave();
});

byId('tell', HTMLButtonElement).addEventListener('click', () => {
  const dialog = byId('telling', HTMLDialogElement);
  // Escape leaves the last answer.
  dialog.returnValue = '';
  dialog.showModal();
});
byId('telling', HTMLDialogElement).addEventListener('close', () => {
  const metres = byId('telling-metres', HTMLInputElement).valueAsNumber;
  if (byId('telling', HTMLDialogElement).returnValue !== 'tap' || !(metres > 0)) return;
  told = metres;
  guide();
  byId('space-box', HTMLElement).focus();
});
carryToken();
describe();
void explainPhone(settings);
// The camera is what comes next: its code is there when the button is pressed.
void loadSpace();
