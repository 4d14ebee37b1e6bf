import {
  type DepthError,
  DepthSession,
  type LiveStats,
  type OutputSettings,
  type PreparedScene,
  prepareScene,
  type ReceivedFrame,
} from 'depthcast-client';
import { listScenes } from '../../../src/scene/scene.ts';
import { byId } from '../dom.ts';
import { carryToken, HERE } from '../here.ts';
import { ageOf } from '../live.ts';
import { Pace, type Slowness } from '../pace.ts';
import { Controls } from './controls.ts';
import { LatencyChart } from './latency-chart.ts';
import { Numbers } from './numbers.ts';
import { ProblemPanel } from './problem.ts';
import { readSettings, type SourceChoice } from './settings.ts';
import { Stage } from './stage.ts';

/** What this page shows to a console or a test, as `window.depthcast`. */
export interface PageHandle {
  /** The present session; undefined while stopped. */
  session: DepthSession | undefined;
  /** The last depth frame, statistics and settings. */
  frame: ReceivedFrame | undefined;
  stats: LiveStats | undefined;
  output: OutputSettings | undefined;
  /** Depth frames since the page was loaded. */
  frames: number;
  /** Errors since the page was loaded, oldest first; the last 50. */
  errors: DepthError[];
}

declare global {
  interface Window {
    depthcast: PageHandle;
  }
}

const STATE_NAMES = {
  idle: 'Idle',
  connecting: 'Connecting',
  live: 'Live',
  reconnecting: 'Reconnecting',
  failed: 'Error',
} as const;
type StateName = keyof typeof STATE_NAMES;

const pace = new Pace('depth');
const scenes = listScenes();
const settings = readSettings(
  location.search,
  location.hash,
  scenes.map(({ name }) => name),
);
const handle: PageHandle = {
  session: undefined,
  frame: undefined,
  stats: undefined,
  output: undefined,
  frames: 0,
  errors: [],
};
window.depthcast = handle;

const stage = new Stage();
const numbers = new Numbers();
const chart = new LatencyChart();
const problem = new ProblemPanel();
let wanted: Partial<OutputSettings> = settings.output;
let { codec } = settings;
let prepared: { choice: SourceChoice; scene: Promise<PreparedScene> } | undefined;

const controls = new Controls(settings, scenes, {
  toggle: () => (handle.session ? stop() : start()),
  source: (choice) => {
    if (!handle.session) showStill();
    describeSource();
    if (choice && handle.session) replaceSource(handle.session, choice);
  },
  output: (change) => {
    wanted = { ...wanted, ...change };
    if (change.data !== undefined) show(change.data === 'none' ? 'track' : 'data');
    handle.session?.update(change);
  },
  codec: (next) => {
    codec = next;
    // A codec is agreed on when a connection is made.
    if (handle.session) start();
  },
  map: (map) => stage.setMap(map),
  view: show,
  reset: () => handle.session?.reset(),
  presentRange: () => handle.frame ?? handle.stats,
});

function start(): void {
  const { choice } = controls;
  if (!choice) {
    controls.askForFile();
    return;
  }
  end();
  problem.hide();
  const session = new DepthSession({
    source: takeSource(choice),
    output: wanted,
    codec,
    server: settings.server ?? HERE,
    ...(settings.token === undefined ? {} : { token: settings.token }),
  });
  handle.session = session;
  controls.setRunning(true);
  enter('connecting');
  session.on('source', ({ stream, label }) => {
    stage.showSource(stream, sourceLabel(label));
    void controls.refreshCameras();
  });
  session.on('settings', (output) => {
    handle.output = output;
    controls.setModels(session.server?.models ?? [], output.model);
    controls.setOutput(output);
    describeEngine(session, output);
    describeSource();
  });
  session.on('depth', (frame) => {
    handle.frame = frame;
    handle.frames++;
    pace.frame(ageOf(frame));
    stage.showFrame(frame);
  });
  session.on('stats', (stats) => {
    handle.stats = stats;
    pace.report(stats);
    numbers.show(stats);
    chart.push(stats.stages);
    showRangeOf(stats);
  });
  session.on('error', report);
  session.on('state', (state) => {
    if (state.name === 'closed') return;
    enter(state.name);
    if (state.name === 'live') {
      pace.begin();
      problem.hide();
    }
    if (state.name === 'reconnecting') {
      const { error, attempt, retryAt } = state;
      const action = { label: 'Try now', run: () => session.retryNow() };
      problem.show(error, {
        mild: true,
        ...(attempt > 0 ? { retry: { at: retryAt, attempt } } : {}),
        ...(retryAt ? { action } : {}),
      });
    }
    if (state.name === 'failed') {
      end();
      enter('failed');
      problem.show(state.error, { action: { label: 'Try again', run: start } });
    }
  });
  show(controls.view);
}

/** Ends the session, if there is one, and empties the page. */
function end(): void {
  handle.session?.close();
  handle.session = handle.frame = handle.stats = handle.output = undefined;
  controls.setRunning(false);
  stage.showSource(undefined, '');
  stage.clear();
  numbers.clear();
  chart.clear();
  byId('engine', HTMLElement).textContent = '';
}

function stop(): void {
  end();
  problem.hide();
  enter('idle');
  showStill();
}

function report(error: DepthError): void {
  handle.errors = [...handle.errors.slice(-49), error];
  // What the server does not have must not be asked for again.
  if (error.code === 'MODEL_NOT_FOUND' || error.code === 'BAD_SIZE') {
    const { model: _model, size: _size, ...rest } = wanted;
    wanted = rest;
  }
  // What leads to reconnecting or the end is shown with that state.
  if (handle.session?.state.name === 'live') problem.show(error, { mild: true, passing: true });
}

function show(view: 'data' | 'track'): void {
  controls.setView(view);
  stage.setView(view, handle.session?.depthStream);
  describeSource();
}

function enter(state: StateName): void {
  const pill = byId('state', HTMLElement);
  pill.dataset['state'] = document.body.dataset['state'] = state;
  pill.textContent = STATE_NAMES[state];
  pill.title = '';
  document.title = state === 'idle' ? 'depthcast' : `${STATE_NAMES[state]} – depthcast`;
  describeSource(state);
}

/** What is wrong with how depth comes; the numbers tell the rest. */
function slowness(): Slowness | undefined {
  const { session, output } = handle;
  return session?.state.name === 'live' && output?.data !== 'none' ? pace.look() : undefined;
}

function showPace(): void {
  if (handle.session?.state.name !== 'live') return;
  const slow = slowness();
  const pill = byId('state', HTMLElement);
  const text = slow?.short ?? STATE_NAMES.live;
  if (pill.textContent === text && pill.title === (slow?.text ?? '')) return;
  pill.dataset['state'] = slow ? 'slow' : 'live';
  pill.textContent = text;
  pill.title = slow?.text ?? '';
  describeSource();
}

function describeSource(state: StateName = (document.body.dataset['state'] ?? 'idle') as StateName): void {
  if (state === 'idle' || state === 'failed') {
    const source = controls.choice ? `${sourceLabel('')}\nPress Start to stream it` : 'Choose a video file';
    stage.setMessages(source, 'Depth appears here');
    return;
  }
  stage.setMessages(
    handle.session?.source ? '' : 'Opening the source …',
    state === 'live' ? missingDepth() : 'Connecting …',
  );
}

/** Why there is no depth picture although the session is live. */
function missingDepth(): string {
  const { track, data } = { ...wanted, ...handle.output };
  if (controls.view === 'data' && data === 'none') return 'Depth data is off';
  if (controls.view === 'track' && track === 'off') return 'The gray track is off';
  return slowness()?.text ?? 'Waiting for the first depth map …';
}

/** Builds the chosen scene ahead and shows its first picture, so that one sees what Start would stream. */
function showStill(): void {
  prepared?.scene.then((scene) => scene.close()).catch(() => {});
  prepared = undefined;
  stage.showStill(undefined);
  const { choice } = controls;
  if (choice?.kind !== 'scene') return;
  const scene = prepareScene(choice);
  prepared = { choice, scene };
  scene
    .then(({ still }) => {
      if (prepared?.scene === scene) stage.showStill(still);
    })
    // What is wrong with it is told when it is started.
    .catch(() => {});
}

/** The chosen source, with what was prepared for it. */
function takeSource(choice: SourceChoice): SourceChoice {
  const ahead = prepared;
  prepared = undefined;
  if (choice.kind !== 'scene' || ahead?.choice !== choice) {
    ahead?.scene.then((scene) => scene.close()).catch(() => {});
    return choice;
  }
  return { ...choice, prepared: ahead.scene };
}

function replaceSource(session: DepthSession, choice: SourceChoice): void {
  stage.showSourceDetail(`Opening ${sourceLabel('').toLowerCase()} …`);
  session.replaceSource(choice).catch((error: DepthError) => {
    if (handle.session !== session || error.code === 'CLOSED') return;
    stage.showSource(session.source?.stream, sourceLabel(session.source?.label ?? ''));
    report(error);
  });
}

function sourceLabel(label: string): string {
  const { choice } = controls;
  if (choice?.kind === 'scene') return scenes.find(({ name }) => name === choice.name)?.title ?? choice.name;
  if (choice?.kind === 'file') return choice.file instanceof File ? choice.file.name : label || 'File';
  return label || 'Camera';
}

function describeEngine({ server }: DepthSession, output: OutputSettings): void {
  const model = server?.models.find(({ name }) => name === output.model);
  const element = byId('engine', HTMLElement);
  element.textContent = [model?.title ?? output.model, server?.device].filter(Boolean).join(' · ');
  element.title = server?.name ?? '';
}

/** Without data frames, the range comes with the statistics. */
function showRangeOf({ near, far, depth, client }: LiveStats): void {
  const { session, output } = handle;
  const unit = session?.server?.models.find(({ name }) => name === output?.model)?.unit ?? 'disparity';
  if (near !== far) stage.showRange({ unit, near, far });
  if (depth.width === 0 || !output) return;
  const data =
    output.data === 'none' ? '' : `, ${output.data} at ${client.depthRate.toFixed(client.depthRate < 3 ? 1 : 0)} fps`;
  stage.showDepthDetail(`${depth.width} × ${depth.height}${data}`);
}

carryToken();
setInterval(showPace, 1000);
stage.setMap(settings.map);
show(settings.view);
enter('idle');
if (settings.autostart) start();
else showStill();
