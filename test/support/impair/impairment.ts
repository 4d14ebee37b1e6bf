/** What one direction of a network path does to its packets. Everything absent is perfect. */
export interface Impairment {
  /** Share of packets lost independently, 0..1. */
  loss?: number;
  /**
   * Loss in bursts (Gilbert-Elliott): a two-state chain, stepped by each packet. `enter` and `leave` are the
   * probabilities of entering and of leaving the bad state, `loss` (1 by default) the share lost in it.
   * The mean burst is 1/leave packets, and enter/(enter+leave) of the packets meet the bad state.
   */
  burst?: { enter: number; leave: number; loss?: number };
  /** Share of packets delivered twice. */
  duplicate?: number;
  /** One-way delay. */
  delayMs?: number;
  /** Further delay, uniform in 0..jitterMs; packets keep their order. */
  jitterMs?: number;
  /** Share of packets that are held back by `reorderMs` while later ones overtake them. */
  reorder?: number;
  /** 20 by default. */
  reorderMs?: number;
  /** Bottleneck in bit/s of UDP payload. */
  bitrate?: number;
  /** What may wait before the bottleneck, in bytes; what comes on top is lost. 32768 by default. */
  queueBytes?: number;
  /** Packets whose UDP payload and headers (28 bytes of IPv4 and UDP) exceed this many bytes are dropped silently. */
  mtu?: number;
  /** Of the path's DTLS datagrams, those with these numbers are lost; the first is 0. */
  loseDtls?: readonly number[];
  /** Nothing passes. */
  blackout?: boolean;
}

export interface ImpairmentStats {
  received: number;
  delivered: number;
  receivedBytes: number;
  deliveredBytes: number;
  lost: { random: number; burst: number; queue: number; size: number; blackout: number; chosen: number };
  duplicated: number;
  reordered: number;
  /** Most bytes that waited before the bottleneck. */
  maxQueueBytes: number;
}

export function noStats(): ImpairmentStats {
  return {
    received: 0,
    delivered: 0,
    receivedBytes: 0,
    deliveredBytes: 0,
    lost: { random: 0, burst: 0, queue: 0, size: 0, blackout: 0, chosen: 0 },
    duplicated: 0,
    reordered: 0,
    maxQueueBytes: 0,
  };
}

/** @throws RangeError where a share is outside 0..1 or a quantity is negative */
export function checkImpairment(impairment: Impairment): void {
  const { burst, loss, duplicate, reorder } = impairment;
  for (const share of [loss, duplicate, reorder, burst?.enter, burst?.leave, burst?.loss])
    if (share !== undefined && !(share >= 0 && share <= 1)) throw new RangeError(`${share} is no share of 0..1`);
  const { delayMs, jitterMs, reorderMs, bitrate, queueBytes, mtu } = impairment;
  for (const quantity of [delayMs, jitterMs, reorderMs, queueBytes, mtu])
    if (quantity !== undefined && !(quantity >= 0)) throw new RangeError(`${quantity} is negative`);
  if (bitrate !== undefined && !(bitrate > 0)) throw new RangeError('the bitrate is not positive');
}

/** Uniform in [0, 1), the same sequence for the same seed (Marsaglia's xorshift, 32 bit). */
export function seededRandom(seed: number): () => number {
  // Neighbouring seeds must not give neighbouring sequences, and zero is a fixed point.
  let state = Math.imul((seed ^ 0x9e3779b9) >>> 0, 0x85ebca6b) >>> 0 || 1;
  const next = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 0x1_0000_0000;
  };
  for (let i = 0; i < 8; i++) next();
  return next;
}
