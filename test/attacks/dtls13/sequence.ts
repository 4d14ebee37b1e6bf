import type { Identity } from '../../../src/webrtc/dtls/identity.ts';
import type { Cast } from '../dtls/sequence.ts';
import { Random } from '../random.ts';
import type { Deviations, ItemName, Sent } from './attacker.ts';

export interface Step {
  name: ItemName;
  /** The message's number: the next; one left out before it; that of the step before. */
  seq?: 'gap' | 'same';
  epoch?: 0 | 2 | 3;
  keys?: Sent['keys'];
  /** Bit to turn in the message after it entered the transcript. */
  flip?: number;
}

/** What the network does to a flight. All of it is legal. */
export interface Weather {
  /** Largest fragment's bytes; whole messages where there is none. */
  fragment: number | undefined;
  shuffled: boolean;
  /** Records in one datagram. */
  packed: number;
  twice: boolean;
  /** Of the target's datagrams, in order: that one is lost. */
  lost: number | undefined;
}

export interface Sequence {
  seed: number;
  /** The attacker's role. */
  client: boolean;
  identity: Identity;
  deviations: Deviations;
  /** Of the attacker; the target speaks between them. */
  flights: Step[][];
  weather: Weather;
  expected: 'connects' | 'refused' | 'either';
  kinds: string[];
}

const CLIENT: ItemName[][] = [['ClientHello'], ['Certificate', 'CertificateVerify', 'Finished']];
const SERVER: ItemName[][] = [
  ['ServerHello', 'EncryptedExtensions', 'CertificateRequest', 'Certificate', 'CertificateVerify', 'Finished'],
];
/** Of both versions and both roles. */
const ANY: ItemName[] = [
  ...new Set([...CLIENT.flat(), ...SERVER.flat()]),
  ...(['HelloRequest', 'NewSessionTicket', 'EndOfEarlyData', 'ServerKeyExchange', 'ServerHelloDone'] as const),
  ...(['ClientKeyExchange', 'KeyUpdate', 'MessageHash'] as const),
];
/** PSK with the wrong key exchange aside, suites that are not ours: null, of 1.2, CCM, ChaCha, SHA-384. */
const FOREIGN_SUITES = [0x0000, 0xc02b, 0xc0b4, 0xc0b5, 0x1304, 0x1305, 0x1303, 0x5600, 0xffff];
const WEAK_SCHEMES = [0x0203, 0x0201, 0x0401, 0x0503, 0x0804, 0x0807, 0x0000];

type Fault = (sequence: Sequence, random: Random, cast: Cast) => void;

function refuse(sequence: Sequence, kind: string): void {
  sequence.kinds.push(kind);
  sequence.expected = 'refused';
}

/** Legal, or outside of what the transcript holds; a target may refuse it. */
function doubt(sequence: Sequence, kind: string): void {
  sequence.kinds.push(kind);
  if (sequence.expected === 'connects') sequence.expected = 'either';
}

function place({ flights }: Sequence, random: Random): [flight: Step[], at: number] {
  return random.pick(flights.flatMap((flight) => flight.map((_, at) => [flight, at] as [Step[], number])));
}

/** A step behind the hello, which alone travels in clear. */
function sealedStep({ flights }: Sequence, random: Random): Step {
  return random.pick(flights.flat().filter(({ name }) => name !== 'ClientHello' && name !== 'ServerHello'));
}

const deviate =
  (kind: string, change: (deviations: Deviations, random: Random, sequence: Sequence, cast: Cast) => void): Fault =>
  (sequence, random, cast) => {
    change(sequence.deviations, random, sequence, cast);
    refuse(sequence, kind);
  };

const FAULTS: readonly Fault[] = [
  (sequence, random) => {
    const [flight, at] = place(sequence, random);
    const [{ name }] = flight.splice(at, 1) as [Step];
    // A server need not ask for a certificate.
    if (name === 'CertificateRequest') doubt(sequence, 'skip CertificateRequest');
    else refuse(sequence, `skip ${name}`);
    if (random.chance(0.3) && flight[at]) {
      flight[at].seq = 'gap';
      refuse(sequence, 'a number left out');
    }
  },
  (sequence, random) => {
    const [flight, at] = place(sequence, random);
    const { name } = flight[at]!;
    flight.splice(at + 1 + random.int(flight.length - at), 0, { name });
    refuse(sequence, `repeat ${name}`);
  },
  (sequence, random) => {
    const flight = random.pick(sequence.flights.filter(({ length }) => length > 1));
    const [a, b] = [random.int(flight.length), random.int(flight.length)];
    if (a === b) return;
    const names = [flight[a]!.name, flight[b]!.name];
    [flight[a], flight[b]] = [flight[b]!, flight[a]!];
    refuse(sequence, `reorder ${names.toSorted().join(' and ')}`);
  },
  (sequence, random) => {
    const [flight, at] = place(sequence, random);
    const before = flight[at]!.name;
    flight[at] = { name: random.pick(ANY.filter((name) => name !== before)) };
    refuse(sequence, `replace ${before}`);
  },
  (sequence, random) => {
    const [flight, at] = place(sequence, random);
    const name = random.pick(ANY);
    flight.splice(at, 0, { name });
    refuse(sequence, `insert ${name}`);
  },
  (sequence, random) => {
    const [flight, at] = place(sequence, random);
    flight.splice(at, 0, { name: random.pick(['ApplicationData', 'CloseNotify']), epoch: random.pick([0, 2, 3]) });
    doubt(sequence, 'data or an alert before the end');
  },
  (sequence, random) => {
    if (random.chance(0.5)) for (const step of sequence.flights.flat()) step.epoch = 0;
    else sealedStep(sequence, random).epoch = 0;
    refuse(sequence, 'in clear text');
  },
  (sequence, random) => {
    sealedStep(sequence, random).keys = random.pick(['random', "the target's", 'of the application']);
    refuse(sequence, 'under other keys');
  },
  (sequence, random) => {
    sealedStep(sequence, random).epoch = 3;
    refuse(sequence, 'in the epoch of the application');
  },
  (sequence, random) => {
    const [flight, at] = place(sequence, random);
    flight[at]!.seq = 'gap';
    refuse(sequence, 'a number left out');
  },
  (sequence, random) => {
    const flight = sequence.flights.at(-1)!;
    flight[1 + random.int(flight.length - 1)]!.seq = 'same';
    refuse(sequence, 'two messages of one number');
  },
  (sequence, random) => {
    const [flight, at] = place(sequence, random);
    flight[at]!.flip = random.int(1 << 16);
    refuse(sequence, 'changed on the way');
  },
  deviate('wrong certificate', (deviations, random, _sequence, cast) => {
    deviations.certificate = cast.stranger.certificate;
    if (random.chance(0.7)) deviations.signWith = cast.stranger;
  }),
  deviate('empty certificate', (deviations) => {
    deviations.emptyCertificate = true;
  }),
  deviate('wrong key', (deviations, random, _sequence, cast) => {
    deviations.signWith = random.pick([cast.stranger, cast.strangerRsa, cast.weakRsa]);
  }),
  deviate('weak or other signature scheme', (deviations, random) => {
    deviations.scheme = random.pick(WEAK_SCHEMES);
  }),
  deviate('signs something else', (deviations, random) => {
    deviations.signs = random.pick(['as the other role', 'half the transcript', 'as TLS 1.2', 'nothing'] as const);
  }),
  deviate('wrong Finished', (deviations, random) => {
    const kinds = ['random', 'zero', 'short', 'long', 'empty', 'other role', 'half the transcript'] as const;
    deviations.finished = random.pick(kinds);
  }),
  deviate('unoffered or null suite', (deviations, random) => {
    deviations.suite = random.pick(FOREIGN_SUITES);
  }),
  deviate('another version', (deviations, random) => {
    if (random.chance(0.5)) deviations.version = random.pick([0xfeff, 0xfefc, 0x0304, 0x0303, 0]);
    else deviations.versions = random.pick(['none', 'of 1.2'] as const);
  }),
  deviate('no share, or of no use', (deviations, random) => {
    const kind = random.int(3);
    if (kind === 0) deviations.noShare = true;
    else if (kind === 1) deviations.group = random.pick([24, 25, 30, 0, 0xffff]);
    else deviations.share = random.pick([Buffer.alloc(32), Buffer.alloc(65, 4), Buffer.alloc(0), random.bytes(31)]);
  }),
  deviate('compression', (deviations) => {
    deviations.compression = 1;
  }),
  deviate('no SRTP profile in common', (deviations, random) => {
    if (random.chance(0.5)) deviations.noSrtp = true;
    else deviations.srtpProfile = random.pick([2, 5, 6, 9, 0xffff]);
  }),
  (sequence, random) => {
    sequence.deviations.context = random.bytes(1 + random.int(20));
    // Of a client's it is not compared with that of the request, which is empty; the transcript holds it all the same.
    (sequence.client ? doubt : refuse)(sequence, 'context that nobody gave');
  },
  (sequence) => {
    if (sequence.client) return;
    sequence.deviations.retry = true;
    refuse(sequence, 'asks for another hello, and goes on with the first');
  },
];

/** Whether what is wrong comes behind the last Finished, too late to matter. */
function isLegalToFinished({ client, flights, deviations }: Sequence): boolean {
  const steps = flights.flat();
  const last = steps.findIndex(({ name }) => name === 'Finished');
  const before = steps.slice(0, last + 1);
  const legal = (client ? CLIENT : SERVER).flat().join();
  const plain = Object.keys(deviations).length === 0 && before.every((step) => Object.keys(step).length === 1);
  return plain && before.map(({ name }) => name).join() === legal;
}

/** A sequence of handshake messages; the same for the same seed. */
export function makeSequence(seed: number, cast: Cast): Sequence {
  const random = new Random(seed);
  const client = random.chance(0.5);
  const sequence: Sequence = {
    seed,
    client,
    identity: cast.ecdsa,
    deviations: {},
    flights: (client ? CLIENT : SERVER).map((flight) => flight.map((name) => ({ name }))),
    weather: { fragment: undefined, shuffled: false, packed: 1, twice: false, lost: undefined },
    expected: 'connects',
    kinds: [],
  };
  if (!random.chance(0.15)) random.pick(FAULTS)(sequence, random, cast);
  if (sequence.expected === 'refused' && isLegalToFinished(sequence)) sequence.expected = 'either';
  if (random.chance(0.5)) {
    sequence.weather = {
      fragment: random.chance(0.4) ? 40 + random.int(400) : undefined,
      shuffled: random.chance(0.3),
      packed: random.pick([1, 1, 2, 5]),
      twice: random.chance(0.2),
      lost: random.chance(0.3) ? random.int(6) : undefined,
    };
    sequence.kinds.push('weather');
  }
  return sequence;
}
