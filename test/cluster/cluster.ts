import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { Balancer } from './balancer.ts';
import { Clients } from './client-process.ts';
import { Replica } from './replica.ts';

const SETTLE_MS = 60_000;

/** Two balancers, three replicas, and their clients. */
export class Cluster {
  readonly replicas: Replica[] = [];
  readonly balancers: Balancer[] = [];
  readonly clients = new Clients();

  async start(): Promise<void> {
    // One after the other: three at once would measure each other when they choose their threads.
    for (const index of [0, 1, 2]) this.replicas[index] = await Replica.start(index);
    for (const index of [0, 1]) this.balancers[index] = await Balancer.start(index);
    await this.settled();
  }

  /** Until every balancer knows what of each replica is free. @throws saying what who knows */
  async settled(): Promise<void> {
    const until = performance.now() + SETTLE_MS;
    for (;;) {
      const told = await Promise.all(this.replicas.map((replica) => replica.weight()));
      const known = await Promise.all(this.balancers.filter(({ running }) => running).map((one) => one.replicas()));
      const weights = known.map((replicas) => replicas.map(({ weight }) => weight));
      if (weights.every((each) => isDeepStrictEqual(each, told))) return;
      if (performance.now() > until)
        throw new Error(`replicas tell ${JSON.stringify(told)}, balancers know ${JSON.stringify(known, null, 2)}`);
      await sleep(100);
    }
  }

  async restartReplica(index: number): Promise<void> {
    this.replicas[index] = await Replica.start(index);
    await this.settled();
  }

  async restartBalancer(index: number): Promise<void> {
    this.balancers[index] = await Balancer.start(index);
    await this.settled();
  }

  /** A metric's sum over the replicas, as a dashboard would show it. */
  async metric(name: string, labels: Record<string, string> = {}): Promise<number> {
    const each = await Promise.all(
      this.replicas.filter(({ exitCode }) => exitCode === undefined).map((replica) => replica.metric(name, labels)),
    );
    return each.reduce((a, b) => a + b, 0);
  }

  /** Publishers and two-way sessions at each replica, as the clients know it. */
  placed(prefix: string): number[] {
    return this.replicas.map(
      ({ address }) =>
        this.clients.all(prefix).filter(({ connected, replica }) => connected && replica === address).length,
    );
  }

  async close(): Promise<void> {
    await this.clients.end();
    await Promise.all(this.balancers.map((balancer) => balancer.kill()));
    await Promise.all(this.replicas.map((replica) => replica.kill()));
  }
}
