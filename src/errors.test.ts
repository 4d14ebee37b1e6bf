import { expect, it } from 'vitest';
import { DepthcastError } from './errors.ts';

it('an error quotes only so much of what a stranger sent', () => {
  const { message, detail } = new DepthcastError('BAD_REQUEST', { detail: 'x'.repeat(100_000) });
  expect(message.length).toBeLessThan(2200);
  expect(detail).toMatch(/^x+…$/);
  expect(new DepthcastError('BAD_REQUEST', { detail: 'short' }).message).toBe('The request is malformed: short');
});
