import { describe, expect, it, test } from 'vitest';
import { OUTPUT_SETTINGS as output } from '../../test/support/output-settings.ts';
import { clientMessage, parseServerMessage, type ServerMessage, type SessionStats } from './messages.ts';

const stats: SessionStats = {
  framesIn: 30,
  framesOut: 29.5,
  framesDropped: 0.5,
  stages: { inference: 20 },
  latency: { p50: 25, p95: 40 },
  epoch: 1,
  near: 2,
  far: 0.1,
  source: { width: 640, height: 480, codec: 'VP8' },
  depth: { width: 256, height: 192 },
  bitrate: { video: 1e6, track: 1e5, data: 4e6 },
};
const valid: ServerMessage[] = [
  {
    type: 'welcome',
    protocol: 1,
    server: 'depthcast 0.2.0',
    device: 'CPU',
    models: [{ name: 'm', title: 'M', unit: 'metres', sizes: [256], defaultSize: 256 }],
    output,
    iceServers: [{ urls: 'stun:127.0.0.1' }],
  },
  { type: 'answer', sdp: 'v=0' },
  { type: 'settings', output: { ...output, range: { near: 1, far: 0 } }, camera: { hfov: 60 } },
  { type: 'stats', stats },
  { type: 'pong', id: 7 },
  { type: 'error', code: 'BUSY', message: 'full', fatal: true, about: 'offer', retryAfter: 2 },
  { type: 'token', expires: null },
  { type: 'closing', reason: 'drain', retryAfter: 5 },
];

test("a candidate's other fields may stand in it or beside it", () => {
  const line = 'candidate:1 1 udp 1 192.0.2.1 5000 typ host';
  const beside = { type: 'candidate', candidate: line, sdpMid: '0', sdpMLineIndex: 0 };
  expect(clientMessage.parse(beside)).toEqual({ type: 'candidate', candidate: line });
  expect(clientMessage.parse({ ...beside, candidate: null })).toEqual({ type: 'candidate', candidate: null });
  expect(clientMessage.safeParse({ ...beside, candidate: 17 }).success).toBe(false);
});

test('a camera of a newer server: more is left out, another kind counts as none', () => {
  const read = (camera: unknown) => parseServerMessage(JSON.stringify({ type: 'settings', output, camera }));
  expect(read({ hfov: 60, distortion: [0.1] })).toEqual({ type: 'settings', output, camera: { hfov: 60 } });
  expect(read({ fisheye: 1 })).toMatchObject({ type: 'settings', output });
  expect(read({ fisheye: 1 })).not.toHaveProperty('camera.fisheye');
});

describe('parseServerMessage', () => {
  it.each(valid)('takes $type', (message) => {
    expect(parseServerMessage(JSON.stringify(message))).toEqual(message);
  });

  it.each(valid)('refuses $type when any one field is missing', (message) => {
    for (const key of Object.keys(message)) {
      if (['type', 'retryAfter', 'about', 'camera'].includes(key)) continue;
      const { [key]: _, ...rest } = message as unknown as Record<string, unknown>;
      expect(() => parseServerMessage(JSON.stringify(rest)), key).toThrow(message.type);
    }
  });

  it('passes over types of newer servers', () => {
    expect(parseServerMessage('{"type":"hologram","x":1}')).toBeUndefined();
    expect(parseServerMessage('{"type":"toString"}')).toBeUndefined();
  });

  it('takes what a newer server may say of what is known', () => {
    const read = (message: object) => parseServerMessage(JSON.stringify(message));
    const error = { type: 'error', code: 'HOLOGRAM_LOST', message: 'gone', fatal: false };
    expect(read({ ...error, about: 'hologram', since: 3 })).toEqual({ ...error, about: undefined });
    const settings = { type: 'settings', output: { ...output, track: 'hologram' } };
    expect(read(settings)).toEqual(settings);
    const told = { type: 'stats', stats: { ...stats, stages: { inference: 20, copy: 1 } } };
    expect(read(told)).toEqual(told);
  });

  it.each([
    '',
    'null',
    '[]',
    '"welcome"',
    '{}',
    '{"type":3}',
    '<html>',
    new ArrayBuffer(4),
    undefined,
    '{"type":"closing","reason":"x","retryAfter":"soon"}',
    JSON.stringify({ type: 'stats', stats: { ...stats, near: null } }),
    JSON.stringify({ type: 'settings', output: { ...output, range: { near: 1 } } }),
  ])('refuses %s', (data) => {
    expect(() => parseServerMessage(data)).toThrow();
  });
});
