import type { Identity } from '../../../src/webrtc/dtls/identity.ts';
import { Random } from '../random.ts';
import type { Deviations, ItemName } from './attacker.ts';

/** Certificates that take part: whose fingerprint is signalled, and others. */
export interface Cast {
  /** The attacker's, signalled. */
  ecdsa: Identity;
  rsa: Identity;
  /** Somebody else's. */
  stranger: Identity;
  strangerRsa: Identity;
  /** Too short a key. */
  weakRsa: Identity;
}

export interface Step {
  name: ItemName;
  /** The message's number: the next; one left out before it; that of the step before. */
  seq?: 'gap' | 'same';
  epoch?: 0 | 1;
  /** A second key exchange of the attacker's follows under the same number, and counts for its keys. */
  forged?: boolean;
  /** Bit to turn in the message after it entered the transcript. */
  flip?: number;
}

/** What the network does to a flight. All of it is legal. */
export interface Network {
  /** Largest fragment's bytes; whole messages where there is none. */
  fragment: number | undefined;
  /** Fragments overlap by this much. */
  overlap: number;
  order: 'kept' | 'reversed' | 'shuffled';
  /** Records in one datagram. */
  packed: number;
  /** Every datagram comes twice. */
  twice: boolean;
  /** Noise between the datagrams. */
  noise: boolean;
  /** Of the target's datagrams, in order: that one is lost. */
  lost: number | undefined;
}

export interface Sequence {
  seed: number;
  /** The attacker's role. */
  client: boolean;
  identity: Identity;
  rsa: boolean;
  deviations: Deviations;
  /** A server that asks for a cookie first, as some do. */
  cookie: boolean;
  /** Flights of the attacker; the target speaks between them. */
  flights: Step[][];
  network: Network;
  /** Retransmissions of each flight, at most. */
  attempts: number;
  /** What has to come of it. `either`: legal, but a target may refuse it. */
  expected: 'connects' | 'refused' | 'either';
  /** What is unusual, for the count. */
  kinds: string[];
}

const ATTEMPTS = 5;
const CLIENT: ItemName[][] = [
  ['ClientHello'],
  ['Certificate', 'ClientKeyExchange', 'CertificateVerify', 'ChangeCipherSpec', 'Finished'],
];
const SERVER: ItemName[][] = [
  ['ServerHello', 'Certificate', 'ServerKeyExchange', 'CertificateRequest', 'ServerHelloDone'],
  ['ChangeCipherSpec', 'Finished'],
];
const ANY: ItemName[] = [
  ...new Set([...CLIENT.flat(), ...SERVER.flat(), 'HelloVerifyRequest', 'NewSessionTicket', 'HelloRequest'] as const),
];
const DATA: ReadonlySet<ItemName> = new Set(['ApplicationData', 'ClearData', 'CloseNotify']);
const QUIET: Network = {
  fragment: undefined,
  overlap: 0,
  order: 'kept',
  packed: 1,
  twice: false,
  noise: false,
  lost: undefined,
};
/** Null, anonymous, export, static, CBC, CCM, ChaCha and PSK suites: none is ours. */
const FOREIGN_SUITES = [
  0x0000, 0x0001, 0x0002, 0x003b, 0x0018, 0x0034, 0xc006, 0xc010, 0xc015, 0xc018, 0x0008, 0x002f, 0x009c, 0xc009,
  0xc013, 0xc02c, 0xc030, 0xc0ac, 0xcca9, 0xcca8, 0xc0a8, 0x1301, 0x5600, 0xffff,
];
const WEAK_SCHEMES = [0x0203, 0x0201, 0x0101, 0x0303, 0x0000, 0x0402, 0x0403 ^ 0xff00, 0x0804, 0x0807];

/** A sequence of handshake messages; the same for the same seed. */
export function makeSequence(seed: number, cast: Cast): Sequence {
  const random = new Random(seed);
  const client = random.chance(0.5);
  const rsa = random.chance(0.15);
  const sequence: Sequence = {
    seed,
    client,
    rsa,
    identity: rsa ? cast.rsa : cast.ecdsa,
    deviations: {},
    cookie: !client && random.chance(0.2),
    flights: (client ? CLIENT : SERVER).map((flight) => flight.map((name) => ({ name }))),
    network: { ...QUIET },
    attempts: ATTEMPTS,
    expected: 'connects',
    kinds: [],
  };
  if (sequence.cookie) sequence.kinds.push('HelloVerifyRequest');
  // One in eight is honest; of the others, every third has two faults.
  if (!random.chance(0.125)) {
    const faults = random.chance(0.3) ? 2 : 1;
    for (let i = 0; i < faults; i++) addFault(sequence, random, cast);
  }
  if (sequence.expected === 'refused' && isLegalToFinished(sequence)) sequence.expected = 'either';
  if (sequence.expected === 'refused') sequence.attempts = Math.min(1, sequence.attempts);
  if (random.chance(0.5)) addWeather(sequence, random);
  return sequence;
}

/**
 * Whether two faults made something legal, or what is wrong comes after the last Finished, too late to matter. Neither
 * ChangeCipherSpec, which may stray, nor data and HelloRequest stand in the transcript; a server need not ask for a certificate.
 */
function isLegalToFinished({ client, flights, deviations }: Sequence): boolean {
  if (Object.keys(deviations).length > 0) return false;
  const inTranscript = ({ name }: Step) => !DATA.has(name) && name !== 'ChangeCipherSpec' && name !== 'HelloRequest';
  const last = flights[1]!.findIndex(({ name }) => name === 'Finished');
  const steps = [...flights[0]!, ...flights[1]!.slice(0, last + 1)].filter(inTranscript);
  if (steps.some((step) => Object.keys(step).length > 1)) return false;
  const names = (list: readonly ItemName[]) => list.filter((name) => name !== 'CertificateRequest').join();
  const legal = (client ? CLIENT : SERVER).flat().filter((name) => name !== 'ChangeCipherSpec');
  if (names(steps.map(({ name }) => name)) !== names(legal)) return false;
  const requests = steps.filter(({ name }) => name === 'CertificateRequest').length;
  const place = steps.findIndex(({ name }) => name === 'CertificateRequest');
  return requests === 0 || (requests === 1 && place === legal.indexOf('CertificateRequest'));
}

function allow(sequence: Sequence, expected: Sequence['expected'], kind: string): void {
  sequence.kinds.push(kind);
  const rank = ['connects', 'either', 'refused'] as const;
  if (rank.indexOf(expected) > rank.indexOf(sequence.expected)) sequence.expected = expected;
}

/** Where a step stands: flight and place in it. */
function place(sequence: Sequence, random: Random): [flight: Step[], at: number] {
  const all = sequence.flights.flatMap((flight) =>
    flight.flatMap(({ name }, at) => (DATA.has(name) ? [] : [[flight, at] as [Step[], number]])),
  );
  return random.pick(all);
}

type Fault = (sequence: Sequence, random: Random, cast: Cast) => void;

const FAULTS: Record<string, Fault> = {
  skip: (sequence, random) => {
    const [flight, at] = place(sequence, random);
    const [{ name }] = flight.splice(at, 1) as [Step];
    // A server need not ask for our certificate.
    allow(sequence, name === 'CertificateRequest' ? 'either' : 'refused', `skip ${name}`);
    if (random.chance(0.3) && flight[at]) flight[at].seq ??= 'gap';
  },
  repeat: (sequence, random) => {
    const [flight, at] = place(sequence, random);
    const { name } = flight[at]!;
    flight.splice(at + 1 + random.int(flight.length - at), 0, { name });
    // Another ChangeCipherSpec is what a retransmission makes.
    allow(sequence, name === 'ChangeCipherSpec' ? 'either' : 'refused', `repeat ${name}`);
  },
  reorder: (sequence, random) => {
    const [flight, at] = place(sequence, random);
    const other = sequence.flights[sequence.client ? 1 : random.int(2)]!;
    const to = random.int(other.length);
    if (flight === other && at === to) return;
    const [a, b] = [flight[at]!, other[to]!];
    if (a.name === b.name) return;
    flight[at] = b;
    other[to] = a;
    // Outside the transcript: as if datagrams had changed places.
    const either = [a.name, b.name].toSorted().join() === 'ChangeCipherSpec,Finished';
    allow(sequence, either ? 'either' : 'refused', `reorder ${a.name} and ${b.name}`);
    // A message that comes again is a retransmission, and the ChangeCipherSpec before it then right.
    if (a.name === 'ChangeCipherSpec' || b.name === 'ChangeCipherSpec') sequence.attempts = 0;
  },
  replace: (sequence, random) => {
    const [flight, at] = place(sequence, random);
    const before = flight[at]!.name;
    const name = random.pick(ANY.filter((other) => other !== before));
    flight[at] = { name };
    // A request that need not be made, and a stray.
    const either = before === 'CertificateRequest' && name === 'ChangeCipherSpec';
    allow(sequence, either ? 'either' : 'refused', `replace ${before}`);
  },
  insert: (sequence, random) => {
    const [flight, at] = place(sequence, random);
    const name = random.pick(ANY);
    flight.splice(at, 0, { name });
    // RFC 5246 section 7.4.1.1: a client may ignore HelloRequest; an early ChangeCipherSpec may be taken for a stray.
    const either = name === 'HelloRequest' || name === 'ChangeCipherSpec';
    allow(sequence, either ? 'either' : 'refused', `insert ${name}`);
  },
  forge: (sequence) => {
    const name = sequence.client ? 'ClientKeyExchange' : 'ServerKeyExchange';
    const step = sequence.flights.flat().find((each) => each.name === name);
    if (!step) return;
    step.forged = true;
    allow(sequence, 'refused', `forge ${name}`);
  },
  foreign: (sequence, random) => {
    const names = sequence.client
      ? (['ClientKeyExchange', 'CertificateVerify', 'Finished'] as const)
      : (['ServerKeyExchange', 'Finished'] as const);
    const foreign = random.pick(names);
    sequence.deviations.foreign = foreign;
    allow(sequence, 'refused', `${foreign} of another handshake`);
  },
  certificate: (sequence, random, cast) => {
    const stranger = sequence.rsa ? cast.strangerRsa : cast.stranger;
    sequence.deviations.certificate = stranger.certificate;
    // With its own key, or with the key that the signalled one has.
    if (random.chance(0.7)) sequence.deviations.signWith = stranger;
    allow(sequence, 'refused', 'wrong certificate');
  },
  'no certificate': (sequence) => {
    sequence.deviations.emptyCertificate = true;
    allow(sequence, 'refused', 'empty certificate');
  },
  key: (sequence, random, cast) => {
    sequence.deviations.signWith = random.pick([cast.stranger, cast.strangerRsa, cast.weakRsa]);
    allow(sequence, 'refused', 'wrong key');
  },
  finished: (sequence, random) => {
    const kinds = ['random', 'zero', 'short', 'empty', 'other role', 'half the transcript', 'own master'] as const;
    sequence.deviations.finished = random.pick(kinds);
    allow(sequence, 'refused', `Finished: ${sequence.deviations.finished}`);
  },
  'clear finished': (sequence, random) => {
    const flight = sequence.flights[1]!;
    const finished = flight.find(({ name }) => name === 'Finished');
    if (!finished) return;
    finished.epoch = 0;
    if (random.chance(0.5))
      flight.splice(0, flight.length, ...flight.filter(({ name }) => name !== 'ChangeCipherSpec'));
    allow(sequence, 'refused', 'Finished in clear text');
  },
  suite: (sequence, random) => {
    sequence.deviations.suite = random.pick(FOREIGN_SUITES);
    const finished = sequence.flights[1]!.find(({ name }) => name === 'Finished');
    if (finished && random.chance(0.5)) finished.epoch = 0;
    allow(sequence, 'refused', 'unoffered or null suite');
  },
  scheme: (sequence, random) => {
    sequence.deviations.signatureScheme = random.pick(WEAK_SCHEMES);
    allow(sequence, 'refused', 'weak signature scheme');
  },
  curve: (sequence, random) => {
    if (random.chance(0.5) && !sequence.client) sequence.deviations.curve = random.pick([24, 25, 30, 21, 0, 0xffff]);
    else
      sequence.deviations.share = random.pick([
        Buffer.alloc(32),
        Buffer.alloc(65, 4),
        Buffer.alloc(0),
        random.bytes(31),
      ]);
    allow(sequence, 'refused', 'curve or share of no use');
  },
  version: (sequence, random) => {
    sequence.deviations.version = random.pick([0xfeff, 0x0100, 0x0303, 0x0000]);
    allow(sequence, 'refused', 'another version');
  },
  compression: (sequence) => {
    sequence.deviations.compression = 1;
    allow(sequence, 'refused', 'compression');
  },
  'master secret': (sequence) => {
    sequence.deviations.noExtendedMasterSecret = true;
    allow(sequence, 'refused', 'no extended master secret');
  },
  srtp: (sequence, random) => {
    if (random.chance(0.5)) sequence.deviations.noSrtp = true;
    else sequence.deviations.srtpProfile = random.pick([2, 5, 6, 9, 0xffff]);
    allow(sequence, 'refused', 'no SRTP profile in common');
  },
  flip: (sequence, random) => {
    const steps = sequence.flights.flat().filter(({ name }) => name !== 'ChangeCipherSpec');
    random.pick(steps).flip = random.int(1 << 16);
    allow(sequence, 'refused', 'changed on the way');
  },
  'early data': (sequence, random) => {
    const [flight, at] = place(sequence, random);
    flight.splice(at, 0, { name: random.pick(['ApplicationData', 'ClearData', 'CloseNotify'] as const), epoch: 1 });
    allow(sequence, 'either', 'data before the end');
  },
};

function addFault(sequence: Sequence, random: Random, cast: Cast): void {
  FAULTS[random.pick(Object.keys(FAULTS))]!(sequence, random, cast);
}

function addWeather(sequence: Sequence, random: Random): void {
  const network = sequence.network;
  if (random.chance(0.4)) {
    network.fragment = 40 + random.int(400);
    sequence.kinds.push('fragments');
    if (random.chance(0.2)) {
      network.overlap = 1 + random.int(20);
      allow(sequence, 'either', 'overlapping fragments');
    }
  }
  if (random.chance(0.3)) {
    network.order = random.pick(['reversed', 'shuffled'] as const);
    sequence.kinds.push(`${network.order} datagrams`);
  }
  network.packed = random.pick([1, 1, 2, 5]);
  if (random.chance(0.2)) {
    network.twice = true;
    sequence.kinds.push('datagrams twice');
  }
  if (random.chance(0.2)) {
    network.noise = true;
    sequence.kinds.push('noise');
  }
  if (random.chance(0.2)) {
    network.lost = random.int(8);
    sequence.kinds.push('a lost datagram');
  }
}
