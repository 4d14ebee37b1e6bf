import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { pickle, pickledDict, pickledTensor, pth, zip } from '../../../test/support/pth.ts';
import { DepthcastError } from '../../errors.ts';
import { Checkpoint } from './checkpoint.ts';

const vector = (name: string) => new URL(`../../../test/vectors/checkpoint/${name}`, import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), 'depthcast-checkpoint-'));
afterAll(() => rmSync(folder, { recursive: true }));

function write(bytes: Uint8Array): string {
  const path = join(folder, 'x.pth');
  writeFileSync(path, bytes);
  return path;
}

/** Opens a file and reads every tensor, as `values` by name. */
function readAll(
  path: string,
): Record<string, { shape: readonly number[]; type: string; values: number[] | undefined }> {
  const checkpoint = Checkpoint.open(path);
  try {
    return Object.fromEntries(
      [...checkpoint.tensors.values()].map(({ name, shape, type }) => [
        name,
        {
          shape,
          type,
          values: /^b?f/.test(type) ? [...checkpoint.read(name)] : undefined,
        },
      ]),
    );
  } finally {
    checkpoint.close();
  }
}

const refuses = (bytes: Uint8Array, detail: RegExp) => {
  const path = write(bytes);
  expect(() => readAll(path)).toThrow(detail);
  expect(() => readAll(path)).toThrow(expect.objectContaining({ code: 'BAD_CHECKPOINT' }));
};

/** The values that the vectors hold: i / 8 - 1. */
const ramp = (count: number) => Array.from({ length: count }, (_, i) => i / 8 - 1);
const floats = (count: number) => new Uint8Array(Float32Array.from(ramp(count)).buffer);

describe('files written by PyTorch 2.13', () => {
  test('every element type, views and parameters', () => {
    const tensors = readAll(vector('torch.pth'));
    expect(tensors).toMatchObject({
      '0.weight': { shape: [2, 3], type: 'f32', values: ramp(6) },
      '1.num_batches_tracked': { shape: [], type: 'i64' },
      base: { shape: [4, 5], values: ramp(20) },
      row: { shape: [5], values: ramp(20).slice(10, 15) },
      columns: { shape: [4, 3], values: ramp(20).filter((_, i) => i % 5 >= 1 && i % 5 < 4) },
      parameter: { shape: [2, 2], values: ramp(4) },
      half: { shape: [200, 7], type: 'f16', values: ramp(1400) },
      bfloat: { shape: [33], type: 'bf16', values: ramp(33) },
      double: { shape: [3], type: 'f64', values: ramp(3) },
      flags: { shape: [2], type: 'bool' },
      scalar: { shape: [], values: [0.25] },
      empty: { shape: [0, 3], values: [] },
    });
    const transposed = Array.from({ length: 20 }, (_, i) => ramp(20)[(i % 4) * 5 + Math.floor(i / 4)]);
    expect(tensors['transposed']).toMatchObject({ shape: [5, 4], values: transposed });
  });

  test('a state dict inside a training checkpoint', () => {
    expect(readAll(vector('wrapped.pth'))).toEqual({ w: { shape: [2, 3], type: 'f32', values: ramp(6) } });
  });

  test('safetensors', () => {
    expect(readAll(vector('torch.safetensors'))).toMatchObject({
      w: { shape: [4, 5], type: 'f32', values: ramp(20) },
      half: { shape: [3, 7], type: 'f16', values: ramp(21) },
      bfloat: { shape: [33], type: 'bf16', values: ramp(33) },
      n: { shape: [], type: 'i64' },
    });
  });
});

test('half precision: every bit pattern', () => {
  const bits = Uint16Array.from({ length: 65_536 }, (_, i) => i);
  const tensor = pickledTensor({ storage: 'HalfStorage', key: '0', elements: 65_536, shape: [65_536], strides: [1] });
  const { values } = readAll(write(pth(pickledDict({ w: tensor }), { 0: new Uint8Array(bits.buffer) })))['w']!;
  for (const [pattern, value] of [
    [0x0000, 0],
    [0x0001, 2 ** -24],
    [0x03ff, 1023 * 2 ** -24],
    [0x0400, 2 ** -14],
    [0x3c00, 1],
    [0xc000, -2],
    [0x7bff, 65_504],
    [0x7c00, Number.POSITIVE_INFINITY],
    [0xfc00, Number.NEGATIVE_INFINITY],
    [0x7e00, Number.NaN],
  ] as const)
    expect(values?.[pattern]).toBe(value);
  for (let i = 0; i < 0x7c00; i++) {
    expect(values![i + 1]! > values![i]!).toBe(true);
    expect(values![i + 0x8000]).toBe(-values![i]!);
  }
});

test('zip64 archives', () => {
  const tensor = pickledTensor({ key: '0', elements: 6, shape: [2, 3], strides: [3, 1] });
  const bytes = pth(pickledDict({ w: tensor }), { 0: floats(6) }, { zip64: true });
  expect(readAll(write(bytes))).toEqual({ w: { shape: [2, 3], type: 'f32', values: ramp(6) } });
});

test('reading needs a known name, floating point values and an open file', () => {
  const checkpoint = Checkpoint.open(vector('torch.pth'));
  expect(() => checkpoint.read('nothing')).toThrow(/no tensor nothing/);
  expect(() => checkpoint.read('flags')).toThrow(/flags holds bool/);
  checkpoint.close();
  expect(() => checkpoint.read('base')).toThrow(/closed/);
  expect(() => Checkpoint.open(join(folder, 'none.pth'))).toThrow(expect.objectContaining({ code: 'MODEL_NOT_FOUND' }));
  expect(() => Checkpoint.open(folder)).toThrow(/not a file/);
});

describe('refuses code', () => {
  const { start, stop, global, text, mark, tuple, reduce, int } = pickle;
  test.each([
    ['os', 'system'],
    ['posix', 'system'],
    ['builtins', 'eval'],
    ['__builtin__', 'exec'],
    ['subprocess', 'Popen'],
    ['torch', 'load'],
    ['torch._utils', '_rebuild_tensor_v3'],
    ['numpy.core.multiarray', '_reconstruct'],
    ['collections', 'OrderedDict.fromkeys'],
    ['__main__', 'constructor'],
  ])('%s.%s', (module, name) => {
    const call = Buffer.concat([global(module, name), mark, text('echo pwned'), tuple, reduce]);
    refuses(pth(Buffer.concat([start, call, stop])), new RegExp(`global ${module}.${name} is not allowed`));
    refuses(pth(pickledDict({ w: call })), /is not allowed/);
  });

  test.each([
    ['INST', 'i'],
    ['OBJ', 'o'],
    ['NEWOBJ', '\x81'],
    ['STACK_GLOBAL', '\x93'],
    ['EXT1', '\x82\x01'],
    ['PERSID', 'Pstorage\n'],
  ])('opcode %s', (_, opcode) => {
    refuses(pth(Buffer.concat([start, mark, Buffer.from(opcode, 'latin1'), stop])), /opcode 0x[0-9a-f]{2} at byte 3/);
  });

  test('calling or building on something that is no global or dict', () => {
    refuses(pth(Buffer.concat([start, text('os'), mark, tuple, reduce, stop])), /no global/);
    refuses(pth(Buffer.concat([start, global('os', 'system'), int(1), Buffer.from('b'), stop])), /no dict/);
  });
});

describe('refuses what does not fit', () => {
  const one = { key: '0', elements: 6, shape: [2, 3], strides: [3, 1] };
  const withTensor = (change: object, bytes = floats(6)) =>
    pth(pickledDict({ w: pickledTensor({ ...one, ...change }) }), { 0: bytes });

  test.each([
    ['beyond the end', { offset: 1 }, /beyond its storage/],
    ['a stride too long', { strides: [4, 1] }, /beyond its storage/],
    ['repeated elements', { shape: [1e5, 1e5], strides: [0, 0] }, /elements|beyond/],
    ['a negative stride', { strides: [-1, 1] }, /negative/],
    ['a negative offset', { offset: -1 }, /negative/],
    ['too many dimensions', { shape: Array(9).fill(1), strides: Array(9).fill(1) }, /9 dimensions/],
    ['ranks that differ', { shape: [6] }, /dimensions/],
    ['a storage of another size', { elements: 7 }, /24 bytes, not 7 elements/],
    ['a negative storage', { elements: -6 }, /24 bytes/],
    ['a missing storage', { key: '1' }, /storage 1 is missing/],
    ['a type that is not known', { storage: 'ComplexFloatStorage' }, /torch.ComplexFloatStorage are not supported/],
    ['an overflowing shape', { shape: [2 ** 40, 2 ** 40], strides: [1, 1] }, /elements/],
  ])('%s', (_, change, detail) => refuses(withTensor(change), detail));

  test('archives that are not of PyTorch', () => {
    const bytes = pickledDict({ w: pickledTensor(one) });
    refuses(zip([{ name: 'a.txt', data: bytes }]), /no data.pkl/);
    refuses(
      zip([
        { name: 'a/data.pkl', data: bytes },
        { name: 'a/data.pkl', data: bytes },
      ]),
      /twice/,
    );
    refuses(zip([{ name: 'a/data.pkl', data: bytes, method: 8, claimedSize: 2 ** 31 }]), /compressed/);
    refuses(zip([{ name: 'a/data.pkl', data: bytes, claimedSize: 2 ** 31 }]), /two sizes/);
    refuses(
      zip([
        { name: 'a/data.pkl', data: bytes },
        { name: 'a/byteorder', data: Buffer.from('big') },
      ]),
      /big-endian/,
    );
    refuses(pth(pickledDict({ w: pickle.int(1) })), /no tensors/);
    refuses(pth(Buffer.concat([pickle.start, pickle.none, pickle.stop])), /no state dict/);
    refuses(Buffer.from('80028a0a6cfc9c46f920', 'hex'), /before PyTorch 1.6/);
    refuses(Buffer.from('hello, this is no checkpoint'), /neither/);
    refuses(Buffer.alloc(3), /too short/);
  });

  test('a pickle that nests, marks or remembers without end', () => {
    const { start, mark, none, stop } = pickle;
    refuses(pth(Buffer.concat([start, ...Array(100_002).fill(none), stop])), /nests too deep/);
    refuses(pth(Buffer.concat([start, ...Array(100_002).fill(mark), stop])), /nests too deep/);
    refuses(pth(Buffer.concat([start, Buffer.alloc(33 * 2 ** 20)])), /more than/);
  });

  const safetensors = (header: unknown, data = floats(6)) => {
    const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(json.length));
    return Buffer.concat([length, json, data]);
  };
  test.each([
    [{ w: { dtype: 'F32', shape: [2, 3], data_offsets: [0, 20] } }, /inside the file/],
    [{ w: { dtype: 'F32', shape: [2, 4], data_offsets: [0, 32] } }, /inside the file/],
    [{ w: { dtype: 'F32', shape: [2 ** 52, 2 ** 52], data_offsets: [0, 24] } }, /inside the file/],
    [{ w: { dtype: 'F8_E4M3', shape: [24], data_offsets: [0, 24] } }, /F8_E4M3/],
    [{ w: { dtype: 'F32', shape: [-6], data_offsets: [0, 24] } }, /wrongly/],
    [{ w: 1 }, /wrongly/],
    ['{"w":', /not JSON/],
  ])('safetensors %j', (header, detail) => refuses(safetensors(header), detail));

  test('a safetensors header without end', () => {
    const bytes = safetensors({ w: { dtype: 'F32', shape: [6], data_offsets: [0, 24] } });
    bytes.writeUInt32LE(0xfffffff, 0);
    refuses(bytes, /header holds/);
  });
});

describe('checkpoints of training code', () => {
  const tensor = (key: string) => pickledTensor({ key, elements: 6, shape: [2, 3], strides: [3, 1] });
  const ANCHOR = 'pretrained.patch_embed.proj.weight';
  const network = (prefix: string, key = '0') =>
    pickledDict({
      [`${prefix}${ANCHOR}`]: tensor(key),
      [`${prefix}head.bias`]: tensor(key),
      'loss.scale': tensor(key),
    });
  const dict = (entries: Record<string, Buffer>) =>
    pth(Buffer.concat([pickle.start, pickledItems(entries), pickle.stop]), { 0: floats(6) });
  const pickledItems = (entries: Record<string, Buffer>): Buffer =>
    Buffer.concat([
      pickle.emptyDict,
      pickle.mark,
      ...Object.entries(entries).flatMap(([name, value]) => [pickle.text(name), value]),
      pickle.setItems,
    ]);
  const inner = (prefix: string) =>
    pickledItems({ [`${prefix}${ANCHOR}`]: tensor('0'), [`${prefix}head.bias`]: tensor('0') });

  test.each(['module.', 'model.', '_orig_mod.module.', 'student.net.'])(
    '"%s" before every name is taken off',
    (prefix) => {
      const tensors = readAll(write(pth(network(prefix), { 0: floats(6) })));
      expect(Object.keys(tensors)).toEqual([ANCHOR, 'head.bias']);
      expect(tensors[ANCHOR]).toMatchObject({ shape: [2, 3], values: ramp(6) });
    },
  );

  test('the network is found among what lies beside it, and deeper', () => {
    const optimizer = pickledItems({ state: pickledItems({ exp_avg: tensor('0') }) });
    for (const entries of [
      { optimizer, state_dict: inner('model.') },
      { optimizer, anything: inner('') },
      { optimizer, checkpoint: pickledItems({ epoch: pickle.int(3), net: inner('module.') }) },
      { ema: inner(''), model: inner('module.') },
    ])
      expect(Object.keys(readAll(write(dict(entries))))).toEqual([ANCHOR, 'head.bias']);
  });

  test('several networks are not told apart by chance', () => {
    refuses(dict({ teacher: inner(''), student: inner('') }), /several networks \("teacher", "student"\)/);
    const both = { [`a.${ANCHOR}`]: tensor('0'), [`b.${ANCHOR}`]: tensor('0') };
    refuses(pth(pickledDict(both), { 0: floats(6) }), /2 networks \("a\.", "b\."\)/);
  });

  test('what is no checkpoint is named', () => {
    refuses(Buffer.from('version https://git-lfs.github.com/spec/v1\noid sha256:00\n'), /Git LFS pointer/);
    refuses(Buffer.from('\n<!DOCTYPE html><html><body>Access denied'), /web page/);
    refuses(Buffer.from('1f8b0800000000000003abcdef', 'hex'), /gzip/);
    refuses(Buffer.alloc(0), /the file is empty/);
  });
});

describe('damaged files', () => {
  /** Whatever the bytes: the tensors, or a DepthcastError with a code; no other exception, no endless loop. */
  const survives = (bytes: Uint8Array) => {
    try {
      readAll(write(bytes));
    } catch (error) {
      if (!(error instanceof DepthcastError) || error.code !== 'BAD_CHECKPOINT') throw error;
    }
  };
  const originals = ['torch.pth', 'wrapped.pth', 'torch.safetensors'].map((name) => readFileSync(vector(name)));
  const zip64 = pth(
    pickledDict({ w: pickledTensor({ key: '0', elements: 6, shape: [2, 3], strides: [3, 1] }) }),
    { 0: floats(6) },
    { zip64: true },
  );
  const files = fc.constantFrom(...originals, zip64);

  test('cut off', () => {
    fc.assert(
      fc.property(files, fc.double({ min: 0, max: 1, noNaN: true }), (file, part) =>
        survives(file.subarray(0, part * file.length)),
      ),
      {
        numRuns: 300,
      },
    );
  });

  test('bytes changed', () => {
    const edits = fc.array(fc.tuple(fc.double({ min: 0, max: 0.999, noNaN: true }), fc.integer({ min: 0, max: 255 })), {
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(files, edits, (file, changes) => {
        const bytes = Uint8Array.from(file);
        for (const [where, value] of changes) bytes[Math.floor(where * bytes.length)] = value;
        survives(bytes);
      }),
      { numRuns: 1000 },
    );
  });

  test('a pickle of arbitrary bytes', () => {
    const opcodes = [...'(.NJKMXR)tue}]acQqrhjb', '\x80', '\x85', '\x86', '\x87', '\x88', '\x89', '\x8a'].map((c) =>
      c.charCodeAt(0),
    );
    const bytes = fc.array(fc.oneof(fc.constantFrom(...opcodes), fc.integer({ min: 0, max: 255 })), { maxLength: 60 });
    fc.assert(
      fc.property(bytes, (body) => survives(pth(Uint8Array.of(0x80, 2, ...body)))),
      { numRuns: 2000 },
    );
  });
});
