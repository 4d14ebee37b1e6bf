import { DEFAULT_RETRY, retryDelay } from '../../client/sdk/backoff.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { SettledConfig } from '../../src/config/schema.ts';
import { seededRandom } from '../../test/support/impair/impairment.ts';
import { SimulatedBalancer } from './balancer.ts';
import { EventQueue } from './event-queue.ts';
import { SimulatedReplica, type StreamDemand } from './fleet.ts';

export interface SimulationOptions {
  replicas: number;
  balancers: number;
  /** Depth workers and places (limits.streams) of each replica, and limits.utilisation. */
  workers: number;
  places: number;
  utilisation: number | null;
  /** Of a stream: pictures a second, and milliseconds of a worker for one, which vary by so much from stream to stream. */
  rate: number;
  milliseconds: number;
  spread: number;
  /** Mean seconds that a publisher stays. */
  stay: number;
  /** Publishers wanted at once, as a share of what the fleet carries at utilisation 1. */
  offered: number;
  /** Simulated seconds: those before anything is counted, then those that are. */
  warmUp: number;
  seconds: number;
  /** Share of the replicas that is killed in the middle. */
  killed: number;
  /** Seconds between two questions to an agent. */
  agentSeconds: number;
  seed: number;
}

export interface SimulationResult {
  /** Publishers that came, and those that found no place at their first attempt, and never within their attempts. */
  arrived: number;
  refusedFirst: number;
  gaveUp: number;
  streams: number;
  /** Utilisation of the replicas: mean, the most of any over the mean, standard deviation over the mean; means over time. */
  mean: number;
  most: number;
  deviation: number;
  /** After replicas were killed: their streams, seconds until half, 99 % and all were back, most offers in any second. */
  lost: number;
  backHalf: number;
  back99: number;
  backAll: number;
  peakOffers: number;
  peakOffersOfOne: number;
}

/** Seconds from a replica's end to its clients' knowing (a socket that closes). */
const NOTICE = 0.02;
const SAMPLE_SECONDS = 1;

/**
 * Publishers come and go at a fleet of replicas behind balancers, in simulated time. What is real: admission, capacity and
 * weights (src/session/admission.ts, src/server/agent-port.ts), and how clients come again (client/sdk/backoff.ts).
 */
export function simulate(options: SimulationOptions): SimulationResult {
  const { replicas: count, workers, places, utilisation, rate, milliseconds, spread, stay, seed } = options;
  const random = seededRandom(seed);
  const exponential = (mean: number) => -mean * Math.log(1 - random());
  const config = loadConfig({
    overrides: { 'limits.streams': places, 'limits.utilisation': utilisation },
  }) as SettledConfig;
  const replicas = Array.from({ length: count }, () => new SimulatedReplica(config, workers));
  const balancers = Array.from({ length: options.balancers }, () => new SimulatedBalancer(replicas));
  const perStream = (rate * milliseconds) / 1000;
  const wanted = (options.offered * count * workers) / perStream;
  const queue = new EventQueue();
  const end = options.warmUp + options.seconds;
  const counting = () => queue.now >= options.warmUp;
  const result: SimulationResult = {
    arrived: 0,
    refusedFirst: 0,
    gaveUp: 0,
    streams: 0,
    mean: 0,
    most: 0,
    deviation: 0,
    lost: 0,
    backHalf: 0,
    back99: 0,
    backAll: 0,
    peakOffers: 0,
    peakOffersOfOne: 0,
  };
  const residents = replicas.map(() => new Set<Publisher>());
  const offers = new Map<number, number>();
  let storm: { at: number; back: number[] } | undefined;
  let names = 0;

  class Publisher {
    readonly name = `s${names++}`;
    readonly demand: StreamDemand = { rate, milliseconds: milliseconds * (1 + spread * (2 * random() - 1)) };
    readonly leavesAt: number;
    moved = false;
    #attempt = 0;
    #end = () => {};

    constructor(leavesAt: number) {
      this.leavesAt = leavesAt;
    }

    come(): void {
      if (queue.now >= this.leavesAt) return;
      const balancer = balancers[Math.floor(random() * balancers.length)]!;
      const { index, retryAfter } = balancer.place((replica, at) => {
        if (storm && queue.now < storm.at + 30) offers.set(at, (offers.get(at) ?? 0) + 1);
        const taken = replica.publish(this.name, this.demand);
        if ('retryAfter' in taken) return taken.retryAfter;
        this.#end = taken.end;
        return undefined;
      });
      if (index < 0) {
        if (this.#attempt === 0 && counting() && !this.moved) result.refusedFirst++;
        if (this.#attempt >= DEFAULT_RETRY.attempts) {
          if (counting()) result.gaveUp++;
          return;
        }
        const wait = retryDelay(this.#attempt++, DEFAULT_RETRY, retryAfter, random) / 1000;
        queue.at(queue.now + wait, () => this.come());
        return;
      }
      if (this.moved) storm?.back.push(queue.now - storm.at);
      this.moved = false;
      this.#attempt = 0;
      residents[index]!.add(this);
      const home = residents[index]!;
      queue.at(this.leavesAt, () => {
        if (home.delete(this)) this.#end();
      });
    }

    /** Its replica is gone. */
    lose(): void {
      this.moved = true;
      const wait = NOTICE + retryDelay(this.#attempt++, DEFAULT_RETRY, 0, random) / 1000;
      queue.at(queue.now + wait, () => this.come());
    }
  }

  const arrive = () => {
    if (counting()) result.arrived++;
    new Publisher(queue.now + exponential(stay)).come();
    queue.at(queue.now + exponential(stay / wanted), arrive);
  };
  for (const [i, balancer] of balancers.entries()) {
    const ask = () => {
      balancer.ask();
      queue.at(queue.now + options.agentSeconds, ask);
    };
    queue.at((options.agentSeconds * i) / balancers.length, ask);
  }
  queue.at(0.001, arrive);
  // The fleet does not begin empty: those that are there on average, with what is left of their stays.
  queue.at(0.001, () => {
    for (let i = 0; i < Math.min(wanted, count * places); i++)
      queue.at(0.001 + random() * options.warmUp * 0.5, () => new Publisher(queue.now + exponential(stay)).come());
  });
  let samples = 0;
  const sample = () => {
    const loads = replicas.filter(({ alive }) => alive).map((replica) => replica.utilisation);
    const mean = loads.reduce((a, b) => a + b, 0) / loads.length;
    samples++;
    result.mean += mean;
    result.most += Math.max(...loads) / mean;
    result.deviation += Math.sqrt(loads.reduce((sum, load) => sum + (load - mean) ** 2, 0) / loads.length) / mean;
    result.streams += replicas.reduce((sum, replica) => sum + replica.streams, 0);
    queue.at(queue.now + SAMPLE_SECONDS, sample);
  };
  queue.at(options.warmUp, sample);
  if (options.killed > 0)
    queue.at(options.warmUp + options.seconds / 2, () => {
      storm = { at: queue.now, back: [] };
      const victims = replicas.slice(0, Math.max(1, Math.round(options.killed * count)));
      for (const [i, replica] of victims.entries()) {
        replica.kill();
        result.lost += residents[i]!.size;
        for (const publisher of residents[i]!) publisher.lose();
        residents[i]!.clear();
      }
    });

  queue.run(end, (second) => {
    let all = 0;
    for (const n of offers.values()) {
      all += n;
      result.peakOffersOfOne = Math.max(result.peakOffersOfOne, n);
    }
    result.peakOffers = Math.max(result.peakOffers, all);
    offers.clear();
    return second;
  });
  for (const key of ['mean', 'most', 'deviation', 'streams'] as const) result[key] /= Math.max(1, samples);
  if (storm) {
    const back = storm.back.sort((a, b) => a - b);
    const at = (share: number) => back[Math.min(back.length - 1, Math.ceil(share * back.length) - 1)] ?? 0;
    Object.assign(result, { backHalf: at(0.5), back99: at(0.99), backAll: at(1) });
  }
  return result;
}
