import { describe, expect, it } from 'vitest';
import type { PacketKind } from '../ice/ice-transport.ts';
import { type BudgetLimits, fairCap, PeerBudget, PeerBudgets } from './budget.ts';

const LIMITS: BudgetLimits = { cpu: 0.25, bytes: 1000, patienceSeconds: 3 };

/** Packets of so many ms each, so many a second, for so many seconds. */
function run(
  budget: PeerBudget,
  {
    cost,
    rate,
    seconds,
    kind = 'media',
    from = 0,
  }: { cost: number; rate: number; seconds: number; kind?: PacketKind; from?: number },
): (string | undefined)[] {
  const verdicts: (string | undefined)[] = [];
  for (let n = 0; n < rate * seconds; n++) {
    const now = from + (n * 1000) / rate;
    if (budget.admit(kind, now)) budget.charge(kind, cost);
    if ((n + 1) % rate === 0) verdicts.push(budget.judge(0));
  }
  return verdicts;
}

describe('a peer', () => {
  it('within its share loses nothing', () => {
    const budget = new PeerBudget(LIMITS, 0);
    expect(run(budget, { cost: 0.04, rate: 3000, seconds: 60 }).every((verdict) => verdict === undefined)).toBe(true);
    expect(budget.stats).toMatchObject({ handled: 180_000, shed: 0 });
  });

  it('may take more for a moment', () => {
    const budget = new PeerBudget(LIMITS, 0);
    expect(run(budget, { cost: 2, rate: 160, seconds: 1 })).toEqual([undefined]);
    expect(budget.stats.shed).toBe(0);
  });

  it('cannot hold the others up for longer than an eighth of a second', () => {
    const budget = new PeerBudget(LIMITS, 0);
    // After an hour of silence, packets that come faster than they can be handled.
    let now = 3_600_000;
    while (budget.admit('media', now)) {
      budget.charge('media', 2);
      now += 2;
    }
    expect(now - 3_600_000).toBeLessThan(200);
  });

  it('above it loses packets first, and is ended when it stays there', () => {
    const budget = new PeerBudget(LIMITS, 0);
    const verdicts = run(budget, { cost: 1, rate: 1000, seconds: 20 });
    expect(budget.stats.shed).toBeGreaterThan(10_000);
    // What it had saved, and its share of 20 s.
    expect(budget.stats.milliseconds).toBeLessThan(125 + 20_000 * 0.25 + 1100);
    const ended = verdicts.findIndex((verdict) => verdict !== undefined);
    expect(ended).toBeGreaterThanOrEqual(2);
    expect(ended).toBeLessThanOrEqual(4);
    expect(verdicts[ended]).toMatch(/more than 25 % of a processor core/);
  });

  it('whose packets each cost a great deal is held to its share all the same', () => {
    const budget = new PeerBudget(LIMITS, 0);
    run(budget, { cost: 315, rate: 10, seconds: 20 });
    expect(budget.stats.milliseconds).toBeLessThan(125 + 20_000 * 0.25 + 400);
  });

  it('that floods with packets that cost nothing but their arrival is ended, too', () => {
    const budget = new PeerBudget(LIMITS, 0);
    expect(run(budget, { cost: 0, rate: 20_000, seconds: 10 }).some((verdict) => verdict !== undefined)).toBe(true);
  });

  it('that comes back below its share is forgiven', () => {
    const budget = new PeerBudget(LIMITS, 0);
    for (let round = 0; round < 10; round++) {
      const from = round * 20_000;
      const busy = run(budget, { cost: 1, rate: 1000, seconds: 1, from });
      const calm = run(budget, { cost: 0.1, rate: 100, seconds: 19, from: from + 1000 });
      expect([...busy, ...calm].every((verdict) => verdict === undefined)).toBe(true);
    }
  });

  it('may take two fifths of it for all but its media, which does not suffer', () => {
    const budget = new PeerBudget(LIMITS, 0);
    const verdicts = run(budget, { cost: 1, rate: 1000, seconds: 2, kind: 'control' });
    expect(verdicts).toEqual([undefined, undefined]);
    expect(budget.stats.milliseconds).toBeLessThan(50 + 2000 * 0.1 + 60);
    run(budget, { cost: 0.1, rate: 1000, seconds: 2, from: 2000 });
    const { shed } = budget.stats;
    expect(run(budget, { cost: 0.1, rate: 1000, seconds: 8, from: 4000 })).not.toContainEqual(expect.any(String));
    expect(budget.stats.shed).toBe(shed);
  });

  it('of control alone is not kept from its packets by an overload that is over', () => {
    const budgets = new PeerBudgets({ share: () => 1 });
    const viewers = Array.from({ length: 10 }, () => new PeerBudget(LIMITS, 0));
    for (const budget of viewers) budgets.add(budget);
    let before = 0;
    for (let now = 0; now < 20_000; now++) {
      // One second in which every packet costs five times as much.
      const cost = now >= 5000 && now < 6000 ? 2.5 : 0.5;
      if (now % 10 === 0)
        for (const budget of viewers) if (budget.admit('control', now)) budget.charge('control', cost);
      if (now % 1000 === 999) budgets.share(now);
      if (now === 10_000) before = viewers.reduce((sum, { stats }) => sum + stats.shed, 0);
    }
    expect(viewers.reduce((sum, { stats }) => sum + stats.shed, 0)).toBe(before);
    expect(before).toBeGreaterThan(0);
  });

  it('may acknowledge all data that it is sent', () => {
    const budget = new PeerBudget(LIMITS, 0);
    // 30 messages of 200 kB a second; 2,500 acknowledgements, each with what it lets go out.
    for (let n = 0; n < 25_000; n++) {
      const now = n * 0.4;
      if (n % 83 === 0) budget.expectAnswers(200_000);
      if (budget.admit('control', now)) budget.charge('control', 0.05);
    }
    expect(budget.stats.shed).toBe(0);
  });

  it('may acknowledge data on a machine where sending it takes long, and on a path where much is sent again', () => {
    const acknowledge = (excused: number) => {
      const budget = new PeerBudget(LIMITS, 0);
      const verdicts: (string | undefined)[] = [];
      // 15 messages of 24 kB a second, acknowledged packet by packet.
      for (let n = 0; n < 6000; n++) {
        const now = n * 2.5;
        if (n % 27 === 0) budget.expectAnswers(24_000);
        if (budget.admit('control', now)) {
          budget.excuse(excused);
          budget.charge('control', 0.5);
        }
        if (n % 400 === 399) verdicts.push(budget.judge(0));
      }
      return { shed: budget.stats.shed, ended: verdicts.some((verdict) => verdict !== undefined) };
    };
    expect(acknowledge(0.35)).toEqual({ shed: 0, ended: false });
    expect(acknowledge(0)).toMatchObject({ ended: true });
  });

  it('is excused for no more than its packet took, and for nothing that was done before it', () => {
    const budget = new PeerBudget(LIMITS, 0);
    budget.excuse(1e6);
    const verdicts: (string | undefined)[] = [];
    for (let n = 0; n < 10_000; n++) {
      if (budget.admit('control', n)) {
        budget.excuse(0.1);
        budget.charge('control', 1);
      }
      if (n % 1000 === 999) verdicts.push(budget.judge(0));
    }
    expect(verdicts).toContainEqual(expect.stringContaining('no media'));
  });

  it('does not pay for packets of others, which are dropped when there are too many', () => {
    const budget = new PeerBudget(LIMITS, 0);
    const verdicts = run(budget, { cost: 0.5, rate: 2000, seconds: 20, kind: 'stranger' });
    expect(verdicts.every((verdict) => verdict === undefined)).toBe(true);
    expect(budget.stats.strangers).toBeGreaterThan(30_000);
    expect(budget.admit('media', 20_000)).toBe(true);
  });

  it('that makes the server hold too much is ended at once', () => {
    const budget = new PeerBudget(LIMITS, 0);
    expect(budget.judge(1000)).toBeUndefined();
    expect(budget.judge(1001)).toMatch(/hold/);
    expect(budget.stats.held).toBe(1001);
  });
});

describe('all peers together', () => {
  it('are held to a level that lets the small ones be', () => {
    expect(fairCap([0.1, 0.1, 0.1], 0.9)).toBe(Number.POSITIVE_INFINITY);
    expect(fairCap([], 0.9)).toBe(Number.POSITIVE_INFINITY);
    expect(fairCap([1, 1, 1], 0.9)).toBeCloseTo(0.3);
    expect(fairCap([0.02, 0.02, 1, 1], 0.9)).toBeCloseTo(0.43);
    expect(fairCap([0.05, 0.4, 0.6], 0.9)).toBeCloseTo(0.45);
  });

  it('lose packets where they take the most, and are not ended for it', () => {
    const limits = { ...LIMITS, cpu: 0.5 };
    const budgets = new PeerBudgets({ share: () => 1 });
    const greedy = Array.from({ length: 6 }, () => new PeerBudget(limits, 0));
    const modest = new PeerBudget(limits, 0);
    for (const budget of [...greedy, modest]) budgets.add(budget);
    const verdicts: unknown[] = [];
    for (let now = 0; now < 30_000; now++) {
      for (const budget of greedy) if (budget.admit('media', now)) budget.charge('media', 0.4);
      if (now % 20 === 0 && modest.admit('media', now)) modest.charge('media', 0.4);
      if (now % 1000 === 999) {
        budgets.share(now);
        verdicts.push(...[...greedy, modest].map((budget) => budget.judge(0)));
      }
    }
    expect(modest.stats.shed).toBe(0);
    expect(greedy.every(({ stats }) => stats.shed > 1000)).toBe(true);
    expect(verdicts.every((verdict) => verdict === undefined)).toBe(true);
    const total = greedy.reduce((sum, { stats }) => sum + stats.milliseconds, 0);
    expect(total).toBeLessThan(30_000 * 1.2);
    for (const budget of greedy) budgets.remove(budget);
    expect(budgets.size).toBe(1);
  });
});

describe('a machine with too much to do', () => {
  /** The thread had a processor for a tenth of the time in which it had work. */
  const starved = { share: () => 0.1 };
  const every = (budgets: PeerBudgets, list: PeerBudget[], cost: number, seconds: number) => {
    const ended = new Set<PeerBudget>();
    for (let ms = 0; ms < seconds * 1000; ms++) {
      for (const budget of list) if (budget.admit('media', ms)) budget.charge('media', cost);
      if (ms % 1000 === 999) {
        budgets.share(ms);
        for (const budget of list) if (budget.judge(0) !== undefined) ended.add(budget);
      }
    }
    return ended.size;
  };

  it('ends nobody for the time in which others had the processor', () => {
    const make = (threadTime: { share(): number }) => {
      const budgets = new PeerBudgets(threadTime);
      const budget = new PeerBudget(LIMITS, 0);
      budgets.add(budget);
      return every(budgets, [budget], 0.4, 10);
    };
    expect(make(starved)).toBe(0);
    expect(make({ share: () => 1 })).toBe(1);
  });

  it('divides what there is among its peers', () => {
    const budgets = new PeerBudgets(starved);
    const [modest, greedy] = [new PeerBudget(LIMITS, 0), new PeerBudget(LIMITS, 0)];
    budgets.add(modest);
    budgets.add(greedy);
    for (let ms = 0; ms < 20_000; ms++) {
      if (ms % 100 === 0 && modest.admit('media', ms)) modest.charge('media', 0.5);
      if (greedy.admit('media', ms)) greedy.charge('media', 1.5);
      if (ms % 1000 === 999) budgets.share(ms);
    }
    expect(modest.stats.shed).toBe(0);
    expect(greedy.stats.shed).toBeGreaterThan(1000);
  });
});

it('counts the work of timers', () => {
  const budget = new PeerBudget(LIMITS, 0);
  const until = performance.now() + 5;
  budget.meter(() => {
    while (performance.now() < until);
  });
  expect(budget.stats.milliseconds).toBeGreaterThanOrEqual(4.9);
  expect(budget.stats.handled).toBe(0);
});
