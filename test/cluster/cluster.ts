import { Balancer } from './balancer.ts';
import { Clients } from './client-process.ts';
import { Replica } from './replica.ts';

/** Two balancers, three replicas, and their clients. */
export class Cluster {
  readonly replicas: Replica[] = [];
  readonly balancers: Balancer[] = [];
  readonly clients = new Clients();

  async start(): Promise<void> {
    // One after the other: three at once would measure each other when they choose their threads.
    for (const index of [0, 1, 2]) this.replicas[index] = await Replica.start(index);
    for (const index of [0, 1]) this.balancers[index] = await Balancer.start(index);
  }

  async restartReplica(index: number): Promise<void> {
    this.replicas[index] = await Replica.start(index);
  }

  async restartBalancer(index: number): Promise<void> {
    this.balancers[index] = await Balancer.start(index);
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
