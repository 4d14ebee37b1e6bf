import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, expect, it } from 'vitest';
import { DEFAULT_MATTE } from '../protocol/matte.ts';
import { Registry } from './registry.ts';
import { StreamMattes } from './stream-mattes.ts';

const folder = mkdtempSync(join(tmpdir(), 'depthcast-mattes-'));
afterAll(() => rmSync(folder, { recursive: true }));

const open = (settingsFile: string | null) => {
  const outputs = { settingsFile, push: [], pushLimit: 0, apiHosts: [] };
  return StreamMattes.open({ config: { outputs }, registry: new Registry(), log: pino({ level: 'silent' }) });
};

it('settings and presets are there again after a restart, where there is a file', async () => {
  const file = join(folder, 'kept.json');
  const first = await open(file);
  expect(first.keptIn).toBe('file');
  first.change('cam1', { far: 0.7 });
  first.savePreset('cam1', 'Near row', { far: 0.8, soft: 0 });
  first.savePreset('cam1', 'gone', {});
  first.removePreset('cam1', 'gone');
  first.recall('cam1', 'Near row');
  await first.close();
  const second = await open(file);
  const settings = { ...DEFAULT_MATTE, far: 0.8, soft: 0 };
  expect([second.settings('cam1'), second.presets('cam1')]).toEqual([settings, { 'Near row': settings }]);
  expect(second.settings('cam2')).toEqual(DEFAULT_MATTE);
});

it('so many are kept and no more', async () => {
  const mattes = await open(null);
  expect(mattes.keptIn).toBe('memory');
  for (let n = 0; n < 32; n++) mattes.savePreset('cam0', `preset ${n}`, {});
  expect(() => mattes.savePreset('cam0', 'one more', {})).toThrow('32 presets');
  mattes.savePreset('cam0', 'preset 1', { far: 0.1 });
  for (let n = 1; n < 256; n++) mattes.change(`cam${n}`, { far: 0.4 });
  // Of settings alone the oldest make room; presets are kept.
  mattes.change('cam256', { far: 0.4 });
  expect([mattes.settings('cam1').far, mattes.settings('cam2').far]).toEqual([DEFAULT_MATTE.far, 0.4]);
  for (let n = 2; n <= 256; n++) mattes.savePreset(`cam${n}`, 'one', {});
  expect(() => mattes.change('cam257', { far: 0.4 })).toThrow('256 streams');
  mattes.removePreset('cam2', 'one');
  mattes.change('cam2', DEFAULT_MATTE);
  mattes.change('cam257', { far: 0.4 });
  for (const name of ['', ' x', 'a/b', 'x'.repeat(33)])
    expect(() => mattes.savePreset('cam0', name, {})).toThrow('a preset is named');
  expect(() => mattes.recall('cam0', 'constructor')).toThrow('No such preset');
});

it.each([
  ['no JSON', 'no JSON'],
  ['{"cam1": {"settings": {}}}', 'cam1.settings'],
  [
    `{"cam1": {"settings": {"unit": "normalised", "near": 0.1, "far": 0.5, "soft": 0}, "presets": {}}}`,
    'cam1: near (0.1) must be greater',
  ],
])('a file that is not ours is told at the start: %s', async (text, detail) => {
  const file = join(folder, 'bad.json');
  writeFileSync(file, text);
  await expect(open(file)).rejects.toMatchObject({ code: 'BAD_CONFIG', message: expect.stringContaining(detail) });
});
