// Independent libwebrtc peers (@roamhq/wrtc) that publish a scene and take its depth back. A process of its own, because
// the library crashes now and then and at every natural exit.

import { seededRandom } from '../test/support/impair/impairment.ts';
import { Film } from './film.ts';
import type { FromChild, ToChild } from './protocol.ts';
import { Stream } from './stream.ts';

const REPORT_MS = 500;
/** Frames are captured up to this share of their interval early or late: see CaptureClock. */
const UNEVEN = 0.2;
const MAX_UNEVEN_MS = 8;
const END_MS = 400;

interface Running {
  stream: Stream;
  timer: NodeJS.Timeout | undefined;
}

const running = new Map<number, Running>();
const tell = (message: FromChild) => process.send?.(message);
let setup: Extract<ToChild, { case: 'setup' }>['setup'];
let film: Film;

process.on('message', (message: ToChild) => {
  if (message.case === 'setup') {
    setup = message.setup;
    film = new Film(setup);
    setInterval(report, REPORT_MS);
    tell({ case: 'ready' });
  } else if (message.case === 'open') open(message.spec.index, new Stream(message.spec, setup, film));
  else if (message.case === 'close') close(message.index);
  else end();
});
process.on('disconnect', () => process.exit(0));
// Whoever started this process hears Ctrl-C too, and ends it in order.
process.on('SIGINT', () => {});

function open(index: number, stream: Stream): void {
  const entry: Running = { stream, timer: undefined };
  running.set(index, entry);
  stream.open();
  const interval = 1000 / setup.fps;
  const random = seededRandom(setup.seed * 64 + index);
  const uneven = Math.min(UNEVEN * interval, MAX_UNEVEN_MS);
  const began = performance.now() + (index % 4) * (interval / 4);
  let n = 0;
  const next = () => {
    let due = began + ++n * interval;
    while (due + interval < performance.now()) {
      stream.missed();
      due = began + ++n * interval;
    }
    entry.timer = setTimeout(
      () => {
        stream.capture();
        next();
      },
      due + (2 * random() - 1) * uneven - performance.now(),
    );
  };
  next();
}

function close(index: number): void {
  const entry = running.get(index);
  if (!entry) return;
  clearTimeout(entry.timer);
  entry.stream.close();
  // Its last counts still go out.
  tell({ case: 'report', streams: [entry.stream.take()] });
  running.delete(index);
}

function report(): void {
  tell({ case: 'report', streams: [...running.values()].map(({ stream }) => stream.take()) });
}

function end(): void {
  for (const index of [...running.keys()]) close(index);
  setTimeout(() => process.exit(0), END_MS);
}
