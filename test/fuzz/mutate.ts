import fc from 'fast-check';

const MAX_LENGTH = 64 * 1024;
/** Headers stand at the beginning: half of all damage is done there. */
const HEAD = 64;

interface Damage {
  kind: number;
  at: number;
  value: number;
  length: number;
}

const damage = (kinds: number): fc.Arbitrary<Damage> =>
  fc.record({
    kind: fc.nat(kinds - 1),
    at: fc.nat(0x7fffffff),
    value: fc.nat(0x7fffffff),
    length: fc.nat(0xffff),
  });

const place = (at: number, length: number): number =>
  length === 0 ? 0 : at % 2 === 0 ? (at >> 1) % Math.min(length, HEAD) : (at >> 1) % length;

const BYTES = [0, 1, 0x7f, 0x80, 0xfe, 0xff] as const;

/** Numbers that length fields lie with, for a field in a buffer of `length` bytes. */
function lie(value: number, length: number): number {
  const all = [0, 1, 2, length - 1, length, length + 1, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];
  return all[value % all.length]! >>> 0;
}

const BYTE_DAMAGES: readonly ((bytes: Buffer, d: Damage, other: Buffer) => Buffer)[] = [
  (bytes, { at, value }) => write(bytes, at, (copy, i) => copy.writeUInt8(copy[i]! ^ (1 << (value % 8)), i), 1),
  (bytes, { at, value }) => write(bytes, at, (copy, i) => copy.writeUInt8(BYTES[value % BYTES.length]!, i), 1),
  (bytes, { at, value }) => write(bytes, at, (copy, i) => copy.writeUInt8(value & 0xff, i), 1),
  (bytes, { at, value }) => write(bytes, at, (copy, i) => copy.writeUInt16BE(lie(value, bytes.length) & 0xffff, i), 2),
  (bytes, { at, value }) => write(bytes, at, (copy, i) => copy.writeUInt16LE(lie(value, bytes.length) & 0xffff, i), 2),
  (bytes, { at, value }) => write(bytes, at, (copy, i) => copy.writeUInt32BE(lie(value, bytes.length), i), 4),
  (bytes, { at, value }) => write(bytes, at, (copy, i) => copy.writeUInt32LE(lie(value, bytes.length), i), 4),
  (bytes, { at }) => bytes.subarray(0, place(at, bytes.length)),
  (bytes, { at, length }) => {
    const start = place(at, bytes.length);
    return Buffer.concat([bytes.subarray(0, start), bytes.subarray(start + (length % 256))]);
  },
  (bytes, { at, length, value }) => {
    const start = place(at, bytes.length);
    const block = bytes.subarray(start, start + 1 + (length % 64));
    const times = value % 50 === 0 ? 200 : 1 + (value % 3);
    return Buffer.concat([bytes.subarray(0, start), ...Array<Buffer>(times).fill(block), bytes.subarray(start)]);
  },
  (bytes, { at, length, value }) => {
    const start = place(at, bytes.length);
    return Buffer.concat([bytes.subarray(0, start), Buffer.alloc(length % 32, value & 0xff), bytes.subarray(start)]);
  },
  (bytes, { at, value }, other) =>
    Buffer.concat([bytes.subarray(0, place(at, bytes.length)), other.subarray(place(value, other.length))]),
];

function write(bytes: Buffer, at: number, change: (copy: Buffer, at: number) => void, width: number): Buffer {
  if (bytes.length < width) return bytes;
  const copy = Buffer.from(bytes);
  change(copy, Math.min(place(at, bytes.length), bytes.length - width));
  return copy;
}

/** Valid bytes with up to five damages: flipped bits, lying lengths, cuts, repetitions, splices with other valid bytes. */
export function damagedBytes(valid: readonly Uint8Array[]): fc.Arbitrary<Buffer> {
  const buffers = valid.map((bytes) => Buffer.from(bytes));
  return fc
    .tuple(fc.nat(valid.length - 1), fc.nat(valid.length - 1), fc.array(damage(BYTE_DAMAGES.length), { maxLength: 5 }))
    .map(([first, second, damages]) => {
      let bytes: Buffer = buffers[first]!;
      for (const d of damages) bytes = BYTE_DAMAGES[d.kind]!(bytes, d, buffers[second]!).subarray(0, MAX_LENGTH);
      // A copy of its own: a reader that keeps or changes its input must not spoil the next one.
      return Buffer.from(bytes);
    });
}

const WORDS = [
  '',
  '0',
  '-1',
  '1',
  '65535',
  '65536',
  '4294967296',
  '99999999999999999999',
  '1e309',
  'NaN',
  'null',
  'true',
  '__proto__',
  'constructor',
  'toString',
  '\u0000',
  '\ud800',
  '\u{1d4b3}',
  '\u202e',
  '\u2028',
  'é'.repeat(40),
  'a'.repeat(5000),
  '9'.repeat(400),
  '%00',
  '..',
  '../../etc/passwd',
  '"',
  "'",
  '\\',
  '&a *a',
  '!!js/function',
  '[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[',
  '\r',
  '\n\n',
  '\t',
] as const;
const word = (value: number): string => WORDS[value % WORDS.length]!;

const TEXT_DAMAGES: readonly ((text: string, d: Damage, other: string) => string)[] = [
  (text, { at, value }) => aroundToken(text, at, () => word(value)),
  (text, { at, value }) => aroundToken(text, at, (token) => token + word(value)),
  (text, { at, value }) => aroundToken(text, at, (token) => `${Number.parseInt(token, 10) + ((value % 5) - 2)}`),
  (text, { at, value }) => lines(text, (all, i) => all.splice(i, 1 + (value % 3)), at),
  (text, { at, value }) =>
    lines(text, (all, i) => all.splice(i, 0, ...Array<string>(value % 60 === 0 ? 300 : 1).fill(all[i] ?? '')), at),
  (text, { at, value }) =>
    lines(
      text,
      (all, i) => {
        const j = value % all.length;
        [all[i], all[j]] = [all[j]!, all[i]!];
      },
      at,
    ),
  (text, { at }) => text.slice(0, place(at, text.length)),
  (text, { at, length }) => text.slice(0, place(at, text.length)) + text.slice(place(at, text.length) + (length % 64)),
  (text, { at, value }) => text.slice(0, place(at, text.length)) + word(value) + text.slice(place(at, text.length)),
  (text, { at, value }) => {
    const i = place(at, text.length);
    return text.slice(0, i) + String.fromCharCode(value & (value % 7 === 0 ? 0xffff : 0x7f)) + text.slice(i + 1);
  },
  (text, { at, value }, other) => text.slice(0, place(at, text.length)) + other.slice(place(value, other.length)),
];

function aroundToken(text: string, at: number, change: (token: string) => string): string {
  const from = place(at, text.length);
  const end = /[\s:=;,/"{}[\]]/g;
  end.lastIndex = from;
  const start = end.exec(text)?.index ?? text.length;
  end.lastIndex = start + 1;
  const stop = end.exec(text)?.index ?? text.length;
  return text.slice(0, start + 1) + change(text.slice(start + 1, stop)) + text.slice(stop);
}

function lines(text: string, change: (all: string[], at: number) => void, at: number): string {
  const all = text.split('\n');
  change(all, place(at, all.length));
  return all.join('\n');
}

/** Valid text with up to five damages: to words, lines and characters; with numbers and names that programs trip over. */
export function damagedText(valid: readonly string[]): fc.Arbitrary<string> {
  return fc
    .tuple(fc.nat(valid.length - 1), fc.nat(valid.length - 1), fc.array(damage(TEXT_DAMAGES.length), { maxLength: 5 }))
    .map(([first, second, damages]) => {
      let text = valid[first]!;
      for (const d of damages) text = TEXT_DAMAGES[d.kind]!(text, d, valid[second]!).slice(0, MAX_LENGTH);
      return text;
    });
}

/** Valid JSON values of which one inner value is another one, as text; and such text damaged as text. */
export function damagedJson(valid: readonly unknown[]): fc.Arbitrary<string> {
  const replaced = fc
    .tuple(fc.nat(valid.length - 1), fc.nat(0xffff), fc.oneof(fc.constantFrom(...WORDS), fc.jsonValue({ maxDepth: 3 })))
    .map(([first, at, value]) => {
      let countdown = at % Math.max(1, JSON.stringify(valid[first]).match(/[[{,:]/g)?.length ?? 1);
      return JSON.stringify(valid[first], (_key, inner: unknown) => (countdown-- === 0 ? value : inner)) ?? 'null';
    });
  return fc.oneof(replaced, damagedText(valid.map((value) => JSON.stringify(value))));
}
