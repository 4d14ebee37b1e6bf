import { type SimulationOptions, simulate } from './placement/simulation.ts';

/** A replica of two cores with the embedded network, 640x480 at 15 fps: docs/performance.md. */
const MEASURED = { workers: 2, places: 16, utilisation: 2, rate: 15, milliseconds: 17, spread: 0.2 } as const;
const FLEET: SimulationOptions = {
  ...MEASURED,
  replicas: 1000,
  balancers: 2,
  stay: 300,
  offered: 0.8,
  warmUp: 60,
  seconds: 120,
  killed: 0,
  agentSeconds: 0.3,
  seed: 1,
};

/** Placement at many replicas, in simulated time by the real capacity code. */
export function benchPlacement(): void {
  console.log(
    '\nPublishers come and go at 1,000 replicas of two cores behind two balancers (simulated time, real admission)',
  );
  console.log(
    '| Asked of the workers | Publishers | Refused at first | Gave up | Utilisation mean | Most over mean | Deviation over mean |',
  );
  console.log('|---:|---:|---:|---:|---:|---:|---:|');
  for (const offered of [0.5, 0.8, 1, 1.5, 1.9, 2.2]) {
    const { arrived, refusedFirst, gaveUp, streams, mean, most, deviation } = simulate({ ...FLEET, offered });
    const share = (n: number) => `${((100 * n) / arrived).toFixed(2)} %`;
    console.log(
      `| ${offered} | ${Math.round(streams)} | ${share(refusedFirst)} | ${share(gaveUp)} | ${mean.toFixed(2)} | ${most.toFixed(2)} | ${deviation.toFixed(3)} |`,
    );
  }
  console.log('\nAgents asked less often, at 0.8');
  console.log('| Seconds between questions | Most over mean | Deviation over mean |');
  console.log('|---:|---:|---:|');
  for (const agentSeconds of [0.3, 2, 10]) {
    const { most, deviation } = simulate({ ...FLEET, agentSeconds });
    console.log(`| ${agentSeconds} | ${most.toFixed(2)} | ${deviation.toFixed(3)} |`);
  }
  console.log('\nReplicas killed at once, clients that retry as the SDK does');
  console.log(
    '| Replicas | Killed | Asked | Streams lost | Half back | 99 % back | All back | Offers in the worst second | to one replica |',
  );
  console.log('|---:|---:|---:|---:|---:|---:|---:|---:|---:|');
  for (const [replicas, killed, offered] of [
    [3, 1 / 3, 0.5],
    [1000, 0.01, 0.8],
    [1000, 0.1, 0.8],
    [1000, 0.33, 0.8],
    [1000, 0.33, 1.5],
  ] as const) {
    const result = simulate({ ...FLEET, replicas, killed, offered });
    const { lost, backHalf, back99, backAll, peakOffers, peakOffersOfOne } = result;
    console.log(
      `| ${replicas} | ${Math.round(100 * killed)} % | ${offered} | ${lost} | ${backHalf.toFixed(2)} s | ${back99.toFixed(2)} s | ${backAll.toFixed(2)} s | ${peakOffers} | ${peakOffersOfOne} |`,
    );
  }
}
