import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../config/load.ts';
import { iceServers, ownIceServers } from './client-ice-servers.ts';

const rtc = (servers: unknown[], more: Record<string, unknown> = {}) =>
  loadConfig({ overrides: { 'rtc.iceServers': servers, ...more } }).rtc;

describe('iceServers', () => {
  it('makes credentials that end, as coturn checks them', () => {
    const settings = rtc([{ urls: ['turn:t.example:3478', 'turns:t.example'], secret: 'shared' }], {
      'rtc.turnTtlSeconds': 600,
    });
    const [server] = iceServers(settings, 1_800_000_000_500);
    expect(server).toEqual({
      urls: ['turn:t.example:3478', 'turns:t.example'],
      username: '1800000600:depthcast',
      credential: createHmac('sha1', 'shared').update('1800000600:depthcast').digest('base64'),
    });
    expect(JSON.stringify(server)).not.toContain('shared');
  });

  it('leaves fixed ones as they are', () => {
    const servers = [{ urls: 'stun:s.example' }, { urls: 'turn:t.example', username: 'u', credential: 'c' }];
    expect(iceServers(rtc(servers))).toEqual(servers);
  });

  it.each(['http://x', 'turn:a b', 'turn:x>; rel="evil', ''])('refuses the address %j', (urls) => {
    expect(() => rtc([{ urls }])).toThrowError(expect.objectContaining({ code: 'BAD_CONFIG' }));
  });
});

it("the server's own agent asks for a relay only where it needs one", () => {
  const servers = [
    { urls: ['stun:s.example', 'turn:t.example'], username: 'u', credential: 'c' },
    { urls: 'turn:x', secret: 's' },
  ];
  expect(ownIceServers(rtc(servers)).map(({ urls }) => urls)).toEqual([['stun:s.example']]);
  expect(ownIceServers(rtc(servers, { 'rtc.useRelay': true })).map(({ urls }) => urls)).toEqual([
    ['stun:s.example', 'turn:t.example'],
    ['turn:x'],
  ]);
});
