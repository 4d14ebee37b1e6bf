import fc from 'fast-check';
import { expect, it } from 'vitest';
import { matches, rightsSchema } from './rights.ts';

it.each([
  ['cam', 'cam', true],
  ['cam', 'cam1', false],
  ['cam-*', 'cam-1', true],
  ['cam-*', 'cam-', true],
  ['cam-*', 'xcam-1', false],
  ['*', '', true],
  ['*-hall', 'cam-hall', true],
  ['a*a', 'a', false],
  ['a*b*c', 'a-b-c', true],
  ['a*b*c', 'acb', false],
  ['*ab*ab', 'ab', false],
  ['a.c', 'abc', false],
  ['**', 'x', true],
])('%s matches %s: %s', (pattern, name, expected) => {
  expect(matches(pattern, name)).toBe(expected);
});

it('agrees with a regular expression, whatever the pattern', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '*', '.'), maxLength: 12 });
  const name = fc.string({ unit: fc.constantFrom('a', 'b', '.'), maxLength: 12 });
  fc.assert(
    fc.property(text, name, (pattern, name) => {
      const regex = new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll(/\*+/g, '.*')}$`);
      return matches(pattern, name) === regex.test(name);
    }),
    { numRuns: 3000 },
  );
});

it('gives nothing that is not stated', () => {
  expect(rightsSchema.parse({})).toEqual({ publish: [], view: [], duplex: false, api: false, metrics: false });
  expect(rightsSchema.safeParse({ publish: '*' }).success).toBe(false);
});
