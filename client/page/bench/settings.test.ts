import { describe, expect, it } from 'vitest';
import { readSettings } from './settings.ts';

const scenes = ['room', 'person'];
const read = (search: string, hash = '') => readSettings(search, hash, scenes);

describe('readSettings', () => {
  it('starts with the first scene and waits for the button', () => {
    expect(read('')).toEqual({
      source: { kind: 'scene', name: 'room' },
      autostart: false,
      server: undefined,
      token: undefined,
      codec: 'VP8',
      output: { track: 'gray', data: 'u16', range: 'auto' },
      map: 'turbo',
      view: 'data',
    });
  });

  it('reads every parameter', () => {
    const search =
      '?source=scene:person&width=320&height=240&fps=15&autostart=1&server=https://a.example/b&codec=h264&track=off' +
      '&data=f16&layout=stacked&upsampling=fast&model=m&size=392&range=3.5,-0.5&map=inferno&view=track';
    expect(read(search, '#token=s3cret')).toEqual({
      source: { kind: 'scene', name: 'person', width: 320, height: 240, frameRate: 15 },
      autostart: true,
      server: 'https://a.example/b',
      token: 's3cret',
      codec: 'H264',
      output: {
        track: 'off',
        data: 'f16',
        range: { near: 3.5, far: -0.5 },
        layout: 'stacked',
        upsampling: 'fast',
        model: 'm',
        size: 392,
      },
      map: 'inferno',
      view: 'track',
    });
  });

  it('reads sources', () => {
    expect(read('?source=camera').source).toEqual({ kind: 'camera' });
    expect(read('?source=camera:environment').source).toEqual({ kind: 'camera', facing: 'environment' });
    expect(read('?source=camera:abc:1').source).toEqual({ kind: 'camera', deviceId: 'abc:1' });
    expect(read('?source=file:/clips/a.mp4').source).toEqual({ kind: 'file', file: '/clips/a.mp4' });
  });

  it('shows the track when there is no data', () => {
    expect(read('?data=none').view).toBe('track');
  });

  it('falls back on what it does not know', () => {
    const search =
      '?source=scene:moon&codec=av2&data=u7&track=blue&size=-4&range=1,1&layout=round&upsampling=most&map=jet&view=x&width=abc';
    expect(read(search)).toEqual(read(''));
    expect(read('?range=1,').output.range).toBe('auto');
  });
});
