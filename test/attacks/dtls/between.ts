import { type Identity, makeIdentity } from '../../../src/webrtc/dtls/identity.ts';
import { SecureTransport } from '../../../src/webrtc/dtls/secure-transport.ts';
import type { SrtpKeys } from '../../../src/webrtc/srtp/srtp.ts';
import { Random } from '../random.ts';

type Version = 1.2 | 1.3;
/** What somebody on the path does to a datagram. Of the first three any network is capable, and honest peers have to bear them. */
const WEATHER = ['lost', 'repeated', 'late'] as const;
const TAMPERING = [
  'bit turned',
  'cut short',
  'longer',
  'reflected',
  'of another handshake',
  'records swapped',
] as const;
type Deed = (typeof WEATHER)[number] | (typeof TAMPERING)[number];
/** Whose certificate is not the one that was signalled. */
type Impostor = 'client' | 'server' | undefined;

interface End {
  transport: SecureTransport;
  version: Version;
  keys: SrtpKeys | undefined;
  spoke: Version | undefined;
  failed: string | undefined;
  earlyData: number;
}

export interface BetweenReport {
  handshakes: number;
  connected: number;
  tampered: number;
  impostors: number;
  kinds: Map<string, number>;
  faults: string[];
}

/** Reflected datagrams are answered; a handshake of honest ends takes less than a hundred of both. */
const MAX_DATAGRAMS = 400;
const MAX_MEMORY_BYTES = 2 << 20;
const SECONDS = 60;

/**
 * Somebody on the path between two real transports, of which one at least speaks DTLS 1.3: whatever is done to their datagrams,
 * none connects to a stranger, both ends of what connects hold the same keys and speak the newest version that both have (RFC 8446
 * section 4.1.3), no data comes early; and where no more is done than networks do, honest ends connect.
 */
export async function runBetween(
  count: number,
  firstSeed: number,
  tick = (_done: number) => {},
): Promise<BetweenReport> {
  const identities = await Promise.all([makeIdentity(), makeIdentity(), makeIdentity()]);
  const report: BetweenReport = {
    handshakes: 0,
    connected: 0,
    tampered: 0,
    impostors: 0,
    kinds: new Map(),
    faults: [],
  };
  // Datagrams of the handshakes before, to play into the next.
  let before: Buffer[] = [];
  for (let seed = firstSeed; seed < firstSeed + count && report.faults.length < 10; seed++) {
    const random = new Random(seed);
    const impostor = random.pick<Impostor>(['client', 'server', undefined, undefined, undefined, undefined]);
    const path = new Path(random, identities, impostor, before);
    path.run();
    before = path.seen.length > 0 ? path.seen : before;
    for (const deed of path.deeds) report.kinds.set(deed, (report.kinds.get(deed) ?? 0) + 1);
    if (impostor) report.impostors++;
    if (path.tampered) report.tampered++;
    if (path.ends.every(({ keys }) => keys)) report.connected++;
    const what = path.fault(impostor);
    if (what) report.faults.push(`seed ${seed}: ${what} (${[...path.deeds].join(', ')}; ${path.describe()})`);
    report.handshakes++;
    tick(report.handshakes);
    path.close();
  }
  return report;
}

class Path {
  now = 100;
  readonly ends: [End, End];
  readonly seen: Buffer[] = [];
  readonly deeds = new Set<Deed | 'impostor'>();
  readonly #random: Random;
  readonly #before: readonly Buffer[];
  readonly #chance: number;
  readonly #possible: readonly Deed[];
  readonly #late: { to: End; datagram: Buffer; due: number }[] = [];

  constructor(random: Random, [a, b, stranger]: Identity[], impostor: Impostor, before: readonly Buffer[]) {
    this.#random = random;
    this.#before = before;
    const versions = random.pick<[Version, Version]>([
      [1.3, 1.3],
      [1.3, 1.3],
      [1.3, 1.2],
      [1.2, 1.3],
    ]);
    // Half of them in bad weather alone: those have to connect.
    this.#possible = random.chance(0.5) ? WEATHER : [...WEATHER, ...TAMPERING];
    this.#chance = random.pick([0.05, 0.2, 0.4]);
    if (impostor) this.deeds.add('impostor');
    const end = (role: 'client' | 'server', version: Version, own: Identity, peer: Identity): End => ({
      transport: new SecureTransport({
        role,
        version,
        identity: role === impostor ? stranger! : own,
        fingerprints: [{ algorithm: 'sha-256', value: peer.fingerprint.replaceAll(':', '') }],
        now: this.now,
      }),
      version,
      keys: undefined,
      spoke: undefined,
      failed: undefined,
      earlyData: 0,
    });
    this.ends = [end('client', versions[0], a!, b!), end('server', versions[1], b!, a!)];
  }

  get tampered(): boolean {
    return TAMPERING.some((deed) => this.deeds.has(deed));
  }

  run(): void {
    const until = this.now + 1000 * SECONDS;
    while (this.now < until && this.seen.length < MAX_DATAGRAMS) {
      while (this.#pump(0) || this.#pump(1)) {}
      if (this.ends.every(({ keys, failed }) => keys || failed)) return;
      const due = Math.min(
        ...this.ends.map(({ transport }) => transport.deadline),
        ...this.#late.map(({ due }) => due),
      );
      if (due === Number.POSITIVE_INFINITY) return;
      this.now = Math.max(due, this.now + 0.1);
      for (const { to, datagram } of this.#late.filter(({ due }) => due <= this.now))
        to.transport.receive(datagram, this.now);
      this.#late.splice(0, this.#late.length, ...this.#late.filter(({ due }) => due > this.now));
      for (const { transport } of this.ends) if (transport.deadline <= this.now) transport.timeout(this.now);
    }
  }

  fault(impostor: Impostor): string | undefined {
    const [client, server] = this.ends;
    if (impostor === 'server' && client.keys) return 'the client connected to a stranger';
    if (impostor === 'client' && server.keys) return 'the server connected to a stranger';
    if (client.keys && server.keys) {
      if (!client.keys.localKey.equals(server.keys.remoteKey) || !server.keys.localKey.equals(client.keys.remoteKey))
        return 'the ends hold different keys';
      const best = Math.min(client.version, server.version);
      if (client.spoke !== best || server.spoke !== best)
        return `spoke ${client.spoke} and ${server.spoke}, not ${best}`;
    } else if (!impostor && !this.tampered) return 'honest ends did not connect';
    if (this.ends.some(({ earlyData }) => earlyData > 0)) return 'data was given out before the handshake ended';
    if (this.ends.some(({ transport }) => transport.heldBytes > MAX_MEMORY_BYTES)) return 'an instance grew';
    return undefined;
  }

  describe(): string {
    const told = this.ends.map(({ version, keys, failed }) => `${version} ${keys ? 'connected' : (failed ?? 'waits')}`);
    return `client ${told[0]}, server ${told[1]}, ${this.seen.length} datagrams`;
  }

  close(): void {
    for (const { transport } of this.ends) transport.close(this.now);
  }

  /** Takes what an end gives out. @returns whether there was any */
  #pump(from: 0 | 1): boolean {
    const end = this.ends[from];
    let passed = false;
    for (let output = end.transport.poll(); output; output = end.transport.poll()) {
      passed = true;
      if (output.type === 'datagram') this.#carry(output.datagram, end, this.ends[1 - from]!);
      else if (output.type === 'connected') [end.keys, end.spoke] = [output.keys, output.version];
      else if (output.type === 'data' && !end.keys) end.earlyData++;
      else if (output.type === 'failed') end.failed = output.error.message;
    }
    return passed;
  }

  #carry(datagram: Buffer, from: End, to: End): void {
    this.seen.push(Buffer.from(datagram));
    if (this.seen.length >= MAX_DATAGRAMS) return;
    if (!this.#random.chance(this.#chance)) {
      to.transport.receive(datagram, this.now);
      return;
    }
    const deed = this.#random.pick(this.#possible);
    this.deeds.add(deed);
    for (const [end, bytes] of this.#changed(deed, datagram, from, to)) end.transport.receive(bytes, this.now);
  }

  #changed(deed: Deed, datagram: Buffer, from: End, to: End): [End, Buffer][] {
    const random = this.#random;
    const copy = Buffer.from(datagram);
    switch (deed) {
      case 'lost':
        return [];
      case 'repeated':
        return [
          [to, datagram],
          [to, copy],
        ];
      case 'late':
        this.#late.push({ to, datagram: copy, due: this.now + random.int(1500) });
        return [];
      case 'bit turned':
        copy[random.int(copy.length)]! ^= 1 << random.int(8);
        return [[to, copy]];
      case 'cut short':
        return [[to, copy.subarray(0, random.int(copy.length))]];
      case 'longer':
        return [[to, Buffer.concat([copy, random.bytes(1 + random.int(80))])]];
      case 'reflected':
        return [
          [from, copy],
          [to, datagram],
        ];
      case 'of another handshake':
        return [
          ...(this.#before.length > 0 ? ([[to, random.pick(this.#before)]] as [End, Buffer][]) : []),
          [to, datagram],
        ];
      case 'records swapped': {
        const earlier = random.pick(this.seen);
        return [[to, Buffer.concat([earlier, copy])]];
      }
    }
  }
}
