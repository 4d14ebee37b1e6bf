/** What the server tells of a stream, once a second. */
export interface ServerPace {
  /** Pictures a second that reached it, and depth maps a second that it made. */
  framesIn: number;
  framesOut: number;
}

/** What a person has to know of depth that comes slowly. */
export interface Slowness {
  /** A few words, as a lamp's. */
  short: string;
  /** One sentence with the reason, as far as it is known. */
  text: string;
}

/** Frames a second below which depth is slow, and from which on it is no longer so. */
export const SLOW_RATE = 4;
const GOOD_RATE = 5;
/** Seconds of age likewise. */
const OLD_SECONDS = 1.5;
const FRESH_SECONDS = 1;
/** ms without a frame, before that is told; and of a beginning, whose first frames say little. */
const NONE_MS = 3000;
/** ms without a frame that are a pause like others, and how many times the usual interval. */
const PAUSE_MS = 1000;
const PAUSE_INTERVALS = 3;
/** ms of frames, of ages and of the server's reports that are looked at. */
const WINDOW_MS = 6000;
/** The server's first reports tell of the time before. */
const BEFORE_MS = 2000;
/** Of a wait that grows, what is told: a screen reader is not to count seconds. */
const STEPS = [3, 5, 10, 20, 30, 60, 120, 300, 600];

/** Follows how often frames come and how old they are, and says in plain words when that is not well. Times are those of performance.now(). */
export class Pace {
  readonly #what: string;
  #began: number;
  #frames: { at: number; age: number | undefined }[] = [];
  #reports: (ServerPace & { at: number })[] = [];
  #slow = false;
  #old = false;

  /** @param what comes, as "depth" */
  constructor(what: string, now = performance.now()) {
    this.#what = what;
    this.#began = now;
  }

  /** A connection or source begins: what came before says nothing of it. */
  begin(now = performance.now()): void {
    this.#began = now;
    this.#frames = [];
    this.#reports = [];
    this.#slow = this.#old = false;
  }

  /** @param age ms since its picture was captured, where that is known */
  frame(age?: number, now = performance.now()): void {
    this.#frames.push({ at: now, age });
    // The last before the window says how long the first of the window took.
    while (this.#frames.length > 3 && now - this.#frames[1]!.at > WINDOW_MS) this.#frames.shift();
  }

  report({ framesIn, framesOut }: ServerPace, now = performance.now()): void {
    if (now - this.#began < BEFORE_MS) return;
    this.#reports = [...this.#reports, { framesIn, framesOut, at: now }].filter(({ at }) => now - at <= WINDOW_MS);
  }

  /** Frames a second; undefined as long as too few came. */
  rate(now = performance.now()): number | undefined {
    const first = this.#frames[0];
    const last = this.#frames.at(-1);
    if (!first || !last || last === first || now - first.at < NONE_MS) return undefined;
    const interval = (last.at - first.at) / (this.#frames.length - 1);
    // One that is overdue makes it slower. Frames come with jitter, and whoever looks may do so late in an interval.
    const silence = now - last.at;
    const overdue = silence > Math.max(PAUSE_MS, PAUSE_INTERVALS * interval);
    return 1000 / (overdue ? Math.max(silence, interval) : interval);
  }

  /** What is to be told now; undefined where all is well, or nothing is known yet. */
  look(now = performance.now()): Slowness | undefined {
    const last = this.#frames.at(-1)?.at;
    const silence = now - (last ?? this.#began);
    const rate = this.rate(now);
    // What comes every few seconds is slow, not absent.
    const usual =
      this.#frames.length > 2 ? (this.#frames.at(-2)!.at - this.#frames[0]!.at) / (this.#frames.length - 2) : 0;
    if (silence > Math.max(NONE_MS, 2 * usual)) {
      const seconds = STEPS.findLast((step) => step * 1000 <= silence)!;
      const short = `No ${this.#what} for ${seconds} s`;
      return { short, text: `${short}: ${this.#reason(0)}.` };
    }
    if (rate === undefined) return undefined;
    const age = this.#age();
    this.#slow = rate < (this.#slow ? GOOD_RATE : SLOW_RATE);
    this.#old = age !== undefined && age > (this.#old ? FRESH_SECONDS : OLD_SECONDS);
    if (!this.#slow && !this.#old) return undefined;
    const late = this.#old ? `${Math.max(1, Math.round(age!))} s late` : '';
    const how = [this.#slow ? often(rate) : '', late].filter(Boolean).join(', ');
    return {
      short: this.#slow ? `Slow: ${perSecond(rate)}` : `Slow: ${late}`,
      text: `${capital(this.#what)} comes ${how}: ${this.#reason(rate)}.`,
    };
  }

  /** Seconds, the median; undefined where no frame told. */
  #age(): number | undefined {
    const ages = this.#frames.flatMap(({ age }) => (age === undefined ? [] : [age])).sort((a, b) => a - b);
    return ages.length === 0 ? undefined : ages[ages.length >> 1]! / 1000;
  }

  /** The first step on the way that is slow: the pictures, the server, or the way back. */
  #reason(rate: number): string {
    const busy = 'the server is busy, or too weak for this';
    if (this.#reports.length < 2) return busy;
    const mean = (key: keyof ServerPace) =>
      this.#reports.reduce((sum, one) => sum + one[key], 0) / this.#reports.length;
    const [framesIn, framesOut] = [mean('framesIn'), mean('framesOut')];
    if (framesIn === 0) return 'no picture reaches the server';
    if (framesIn < SLOW_RATE && framesOut > 0.8 * framesIn) return 'few pictures reach the server';
    if (framesOut > 2 * rate + 1) return `the server sends ${perSecond(framesOut)}, and they do not come through`;
    return busy;
  }
}

/** As a person says it: "2 frames a second", "a frame in 3 s". */
export const perSecond = (rate: number): string =>
  spoken(rate, 'a frame', (count) => (count === 1 ? '1 frame' : `${count} frames`));

/** The same as an adverb: "twice a second", "once in 3 s". */
export const often = (rate: number): string =>
  spoken(rate, 'once', (count) => ['', 'once', 'twice'][count] ?? `${count} times`);

/** Seconds between two where fewer than one comes in a second, and no more than ten minutes. */
function spoken(rate: number, one: string, several: (count: number) => string): string {
  if (rate < 2 / 3) return `${one} in ${Math.min(600, Math.round(1 / Math.max(rate, 1e-3)))} s`;
  return `${several(Math.round(rate))} a second`;
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
