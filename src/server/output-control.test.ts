import { expect, it } from 'vitest';
import { loadConfig } from '../config/load.ts';
import { findModel, type InstalledModel } from '../model/library.ts';
import { resolveSize } from '../model/size.ts';
import { OutputControl } from './output-control.ts';

const nano = findModel('depthcast-nano');
/** The same network, as one of another name and with sizes of its own. */
const other: InstalledModel = {
  ...nano,
  manifest: { ...nano.manifest, name: 'other', size: { longSides: [64, 96], default: 96, multipleOf: 32 } },
};
const { sizes, own } = { sizes: [160, 256], own: 256 };

function control({ size = null as number | null, busy = false } = {}): OutputControl {
  const settings = loadConfig({ env: {} });
  return new OutputControl({
    config: { depth: { ...settings.depth, size }, output: settings.output },
    pool: {
      models: [nano, other],
      get: () => Promise.reject(new Error('nothing is to be loaded before an offer')),
      sizeOf: (model) => resolveSize(model, size),
    },
    admission: {
      checkWorkers: () => {
        if (busy) throw new Error('nobody is to be asked before an offer');
      },
    },
  });
}

it("begins with the settings: the size is theirs where the model has it, else the model's own", () => {
  expect(nano.manifest.size).toMatchObject({ longSides: expect.arrayContaining(sizes), default: own });
  expect(control().now).toEqual({
    track: 'gray',
    layout: 'depth',
    upsampling: 'off',
    still: 'off',
    data: 'u16',
    dataSize: 'network',
    range: 'auto',
    model: 'depthcast-nano',
    size: own,
  });
  expect(control({ size: sizes[0]! }).now.size).toBe(sizes[0]);
  expect(control({ size: 96 }).now.size).toBe(own);
});

it('checks a change as a whole before anything of it holds', async () => {
  const output = control({ busy: true });
  const before = { ...output.now };
  await expect(output.change({ track: 'off', size: 96 })).rejects.toMatchObject({ code: 'BAD_SIZE' });
  await expect(output.change({ data: 'none', model: 'third' })).rejects.toMatchObject({
    code: 'MODEL_NOT_FOUND',
    detail: 'third; there is depthcast-nano, other',
  });
  expect(output.now).toEqual(before);
  await output.change({ track: 'off', range: { near: 1, far: 0 } });
  expect(output.now).toEqual({ ...before, track: 'off', range: { near: 1, far: 0 } });
});

it('begins another model at the size of the settings or its own, and keeps a size that is asked for with it', async () => {
  const output = control({ size: sizes[0]! });
  await output.change({ model: 'other' });
  expect(output.now).toMatchObject({ model: 'other', size: 96 });
  await output.change({ size: 64 });
  await output.change({ data: 'u8' });
  expect(output.now).toMatchObject({ model: 'other', size: 64, data: 'u8' });
  await output.change({ model: 'depthcast-nano' });
  expect(output.now).toMatchObject({ model: 'depthcast-nano', size: sizes[0] });
});
