import { describe, expect, it } from 'vitest';
import { readAirAddress, whepAddress } from './address.ts';
import { distanceAt, positionOf, positionOfDistance } from './scale.ts';

const read = (path: string) => readAirAddress(`https://depth.example/studio${path}`);

describe('the address of a page for mixers', () => {
  it.each([
    ['/key/cam1', { page: 'key', stream: 'cam1', layout: 'depth', draw: 'video', fit: 'contain' }],
    ['/matte/cam%7E1?alpha=matte', { stream: 'cam~1', layout: 'matte', draw: 'luma' }],
    ['/fill/cam1?alpha=matte&fit=cover', { layout: 'matte-stacked', draw: 'keyed', fit: 'cover' }],
    ['/fill/cam1#token=abc', { layout: 'fill', draw: 'video', token: 'abc' }],
    ['/both/cam1', { layout: 'side-by-side' }],
    ['/both/cam1?layout=stacked&with=matte', { layout: 'matte-stacked', draw: 'video' }],
  ])('%s says what is shown', (path, expected) => {
    expect(read(path)).toMatchObject(expected);
  });

  it('hands the matte to the server, below whatever path the page lies in', () => {
    const address = read('/matte/cam1?near=0.9&far=0.4&fit=fill');
    if (typeof address === 'string') throw new Error(address);
    const url = whepAddress(
      'https://depth.example/studio/matte/cam1?x#y',
      address.stream,
      address.layout,
      address.matte,
    );
    expect(url.href).toBe('https://depth.example/studio/whep/cam1?layout=matte&near=0.9&far=0.4');
  });

  it.each([
    ['/matte/', 'is expected'],
    ['/desk/cam1', 'is expected'],
    ['/matte/cam1?naer=1', 'naer is not known'],
    ['/key/cam1?alpha=matte', 'of /matte and /fill'],
    ['/both/cam1?with=colour', 'depth or matte'],
    ['/matte/%', ''],
  ])('%s is told to be wrong', (path, sentence) => {
    const problem = read(path);
    expect(problem).toBeTypeOf('string');
    expect(problem).toContain(sentence);
  });
});

describe('distances on the trace', () => {
  it('are linear in disparity', () => {
    expect(positionOf(15, { unit: 'disparity', near: 20, far: 10 })).toBe(0.5);
    expect(positionOf(2, { unit: 'metres', near: 1, far: Number.POSITIVE_INFINITY })).toBe(0.5);
  });

  it.each([0, 0.25, 0.999, 1])('come back to position %d', (position) => {
    const range = { unit: 'metres', near: 0.7, far: 8 } as const;
    for (const unit of ['normalised', 'metres'] as const)
      expect(positionOfDistance(distanceAt(position, unit, range), unit, range)).toBeCloseTo(position, 2);
  });
});
