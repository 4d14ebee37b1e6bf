import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { formulaCheckpoint } from '../../test/support/checkpoint.ts';
import { TINY } from '../../test/support/formula.ts';
import { findModel } from './library.ts';
import { modelFolder } from './store/folder.ts';

const folder = mkdtempSync(join(tmpdir(), 'depthcast-library-'));
const store = modelFolder(join(folder, 'cache'));
afterAll(() => rmSync(folder, { recursive: true }));

function put(name: string, content: Uint8Array | string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

describe('a model file', () => {
  it.each(['a.pth', 'b.ckpt', 'c.bin', 'without ending', 'epoch=3-step=900.v2'])(
    'is known for a checkpoint by what it holds: %s',
    (name) => {
      const path = put(name, formulaCheckpoint(TINY));
      const { manifest, file } = findModel(path, { store });
      expect([manifest.kind, file]).toEqual(['checkpoint', path]);
      expect(manifest.name).toMatch(/^[a-z0-9][a-z0-9._-]*$/);
    },
  );

  it('is known for a manifest by what it holds', () => {
    const path = put('settings', '\uFEFF {"kind": "checkpoint"}');
    expect(() => findModel(path, { store })).toThrow(/BAD_MANIFEST|not valid: .*settings: name/);
  });

  it.each<[string, string, RegExp]>([
    ['graph.onnx', '\x08\x08\x12\x06', /there is no manifest graph\.json beside .*graph\.onnx/],
    ['broken.json', 'PK\x03\x04\x00\x01', /broken\.json is not JSON$/],
  ])('that cannot be used says why: %s', (name, content, message) => {
    const path = put(name, content);
    expect(() => findModel(path, { store })).toThrow(message);
  });

  it('that is a folder, or not there, says so', () => {
    mkdirSync(join(folder, 'inner'));
    expect(() => findModel(join(folder, 'inner'), { store })).toThrow(/inner is a folder/);
    expect(() => findModel(join(folder, 'none.onnx'), { store })).toThrow(/none\.onnx does not exist; there is/);
    expect(() => findModel('nonesuch', { store })).toThrow(/nonesuch; there is .*depthcast-nano/);
  });
});
