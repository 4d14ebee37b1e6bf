import { expect, it } from 'vitest';
import { readSettings, searchOf } from './settings.ts';

it('has defaults for what is missing or no value', () => {
  const { output, ...rest } = readSettings('');
  expect(output).toEqual({});
  expect(readSettings('?near=101&at=3&camera=x&size=-2&source=file:a')).toEqual({
    ...rest,
    at: { x: 0.03, y: rest.at.y },
    output: {},
  });
});

it('carries every setting through an address, and leaves what else it holds', () => {
  const search = '?camera=user&source=scene:person&near=70&at=25,60&model=m&size=192&software=';
  const read = readSettings(search);
  expect(read).toEqual({
    facing: 'user',
    scene: 'person',
    nearness: 0.7,
    at: { x: 0.25, y: 0.6 },
    output: { model: 'm', size: 192 },
  });
  expect(readSettings(searchOf(read, ''))).toEqual(read);
  expect(searchOf(read, '?software=')).toContain('software=');
  expect(searchOf({ ...read, scene: undefined }, search)).not.toContain('source');
});
