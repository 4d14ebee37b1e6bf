import { beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../../../test/attacks/random.ts';
import { type Identity, makeIdentity } from './identity.ts';
import { type SecureOutput, SecureTransport, type SecureTransportOptions } from './secure-transport.ts';
import { warmUpDtls } from './warm-up.ts';

let client: Identity;
let server: Identity;
beforeAll(async () => {
  [client, server] = await Promise.all([makeIdentity(), makeIdentity()]);
});

const sha256 = ({ fingerprint }: Identity) => [{ algorithm: 'sha-256', value: fingerprint.replaceAll(':', '') }];

interface End {
  transport: SecureTransport;
  outputs: SecureOutput[];
}

/** Two ends and the network between them, in virtual time. */
class Pair {
  now = 100;
  datagrams = 0;
  readonly ends: [End, End];
  /** @param passes whether a datagram arrives, by its number and direction */
  readonly #passes: (n: number, from: number) => boolean;

  constructor(options: Partial<SecureTransportOptions> = {}, passes = (_n: number, _from: number) => true) {
    this.#passes = passes;
    const end = (role: 'client' | 'server', identity: Identity, peer: Identity): End => ({
      transport: new SecureTransport({
        role,
        version: 1.2,
        identity,
        fingerprints: sha256(peer),
        now: this.now,
        ...options,
      }),
      outputs: [],
    });
    this.ends = [end('client', client, server), end('server', server, client)];
  }

  /** Until nothing is under way, then on to the next timeout, until both are done or `seconds` have passed. */
  run(
    seconds: number,
    done = () => this.ends.every(({ outputs }) => outputs.some(({ type }) => type === 'connected')),
  ) {
    const until = this.now + 1000 * seconds;
    for (;;) {
      while (this.#pass(0) || this.#pass(1)) {}
      if (done()) return;
      const due = Math.min(...this.ends.map(({ transport }) => transport.deadline));
      if (due > until) return;
      this.now = Math.max(due, this.now + 0.1);
      for (const { transport } of this.ends) if (transport.deadline <= this.now) transport.timeout(this.now);
    }
  }

  #pass(from: 0 | 1): boolean {
    const { transport, outputs } = this.ends[from];
    let passed = false;
    for (let output = transport.poll(); output; output = transport.poll()) {
      if (output.type !== 'datagram') outputs.push(output);
      else if (this.#passes(this.datagrams++, from)) this.ends[1 - from]!.transport.receive(output.datagram, this.now);
      passed = true;
    }
    return passed;
  }

  connected(end: 0 | 1) {
    const found = this.ends[end].outputs.find((output) => output.type === 'connected');
    return found?.type === 'connected' ? found : undefined;
  }
}

describe.each([1.2, 1.3] as const)('DTLS %s', (version) => {
  it('gives both sides the same keys', () => {
    const pair = new Pair({ version });
    pair.run(1);
    const [a, b] = [pair.connected(0)!, pair.connected(1)!];
    expect([a.version, b.version]).toEqual([version, version]);
    expect(a.keys.profile).toBe(8);
    expect([a.keys.localKey, a.keys.localSalt, a.keys.remoteKey, a.keys.remoteSalt]).toEqual([
      b.keys.remoteKey,
      b.keys.remoteSalt,
      b.keys.localKey,
      b.keys.localSalt,
    ]);
  });

  it('survives the loss of any one datagram', () => {
    for (let lost = 0; lost < 12; lost++) {
      const pair = new Pair({ version }, (n) => n !== lost);
      pair.run(20);
      expect([lost, pair.connected(0) !== undefined, pair.connected(1) !== undefined]).toEqual([lost, true, true]);
    }
  });

  it('connects a hundred times of a hundred where a tenth is lost', () => {
    for (let seed = 1; seed <= 100; seed++) {
      const random = new Random(seed);
      const pair = new Pair({ version }, () => !random.chance(0.1));
      pair.run(15);
      expect([seed, pair.connected(0) !== undefined, pair.connected(1) !== undefined]).toEqual([seed, true, true]);
    }
  });

  it('carries data both ways and ends with a goodbye', () => {
    const pair = new Pair({ version });
    pair.run(1);
    const [{ transport: a }, { transport: b }] = pair.ends;
    a.send(Buffer.from('there'), pair.now);
    b.send(Buffer.alloc(1188, 7), pair.now);
    const done = (end: 0 | 1, type: string) => () => pair.ends[end].outputs.some((output) => output.type === type);
    pair.run(1, done(0, 'data'));
    pair.run(1, done(1, 'data'));
    a.close(pair.now);
    pair.run(1, done(1, 'closed'));
    const kinds = ({ outputs }: End) =>
      outputs.map((output) => (output.type === 'data' ? output.data.length : output.type));
    expect(pair.ends.map(kinds)).toEqual([
      ['connected', 1188],
      ['connected', 5, 'closed'],
    ]);
  });

  it('refuses another certificate than the one that was signalled, and says so', () => {
    for (const identity of [client, server]) {
      const pair = new Pair({ version, fingerprints: sha256(identity) });
      pair.run(5, () => false);
      const failed = pair.ends.flatMap(({ outputs }) => outputs.filter(({ type }) => type === 'failed'));
      expect(failed).toMatchObject([
        { error: { message: 'the certificate does not match the fingerprint in the SDP' } },
      ]);
      expect(pair.connected(0) && pair.connected(1)).toBeUndefined();
    }
  });
});

it('of 1.3 speaks 1.2 with a peer that knows no newer', () => {
  const pair = new Pair();
  pair.ends[0].transport = new SecureTransport({
    role: 'client',
    version: 1.3,
    identity: client,
    fingerprints: sha256(server),
    now: pair.now,
  });
  pair.run(2);
  expect([pair.connected(0)?.version, pair.connected(1)?.version]).toEqual([1.2, 1.2]);
});

it('never sends more than fits a path of 1280 bytes, whatever record it is', () => {
  const pair = new Pair();
  const sizes: number[] = [];
  const [{ transport }] = pair.ends;
  pair.run(1);
  transport.send(Buffer.alloc(1188), pair.now);
  for (let output = transport.poll(); output; output = transport.poll())
    if (output.type === 'datagram') sizes.push(output.datagram.length);
  // IPv6 and UDP headers, and those of a TURN channel.
  expect(sizes).toEqual([1188 + 37]);
  expect(sizes[0]! + 48 + 4).toBeLessThanOrEqual(1280);
});

it('takes less than 1.5 MiB of memory for each of a thousand peers', () => {
  const pairs = Array.from({ length: 500 }, () => new Pair());
  for (const pair of pairs) pair.run(1);
  for (const pair of pairs) {
    expect(pair.connected(1)).toBeDefined();
    for (const { transport } of pair.ends) expect(transport.engine.memoryBytes).toBeLessThan(1.5 * 2 ** 20);
  }
});

it('is shown to work by a handshake at the start', () => warmUpDtls());
