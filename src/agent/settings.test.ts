import { expect, test } from 'vitest';
import { settingsOfAttributes, settingsOfMetadata } from './settings.ts';

test("a dispatch's metadata is JSON of a session's settings", () => {
  expect(settingsOfMetadata('')).toEqual({});
  expect(settingsOfMetadata(' \n')).toEqual({});
  expect(settingsOfMetadata('{"size":192,"range":{"near":1,"far":0},"transport":"messages"}')).toEqual({
    size: 192,
    range: { near: 1, far: 0 },
    transport: 'messages',
  });
  // The reconciler's own, which is no setting.
  expect(settingsOfMetadata('{"track":"off","replaces":["PA_1"]}')).toEqual({ track: 'off' });
});

test.each([
  'nonsense',
  '[]',
  'null',
  '3',
  '{"size":"192"}',
  '{"transport":"pigeon"}',
  '{"colour":"red"}',
  '{"range":{"near":1,"far":1}}',
  `{"model":"${'m'.repeat(65)}"}`,
  `{"track":"off"${' '.repeat(5000)}}`,
])('metadata that cannot be used is refused: %.40s', (metadata) => {
  expect(() => settingsOfMetadata(metadata)).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }));
});

test("a publisher's attributes are texts of the same settings; others are left alone", () => {
  const attributes = {
    'depthcast.size': '192',
    'depthcast.range': '2,-0.5',
    'depthcast.data': 'u8',
    'depthcast.track': 'off',
    'depthcast.model': '',
    'depthcast.beat': '17',
    role: 'camera',
  };
  expect(settingsOfAttributes(attributes)).toEqual({
    size: 192,
    range: { near: 2, far: -0.5 },
    data: 'u8',
    track: 'off',
  });
  expect(settingsOfAttributes({ 'depthcast.range': 'auto' })).toEqual({ range: 'auto' });
  expect(settingsOfAttributes({})).toEqual({});
});

test.each([
  { 'depthcast.size': 'large' },
  { 'depthcast.size': '192.5' },
  { 'depthcast.range': '1' },
  { 'depthcast.range': '1,2,3' },
  { 'depthcast.range': '1,x' },
  { 'depthcast.data': 'u64' },
  { 'depthcast.transport': 'pigeon' },
])('attributes that cannot be used are refused: %o', (attributes) => {
  expect(() => settingsOfAttributes(attributes)).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }));
});
