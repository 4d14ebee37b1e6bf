import { DepthcastError } from '../../../src/errors.ts';
import { parseServerMessage } from '../../../src/protocol/messages.ts';
import { damagedJson } from '../mutate.ts';
import { defineTarget } from '../target.ts';

const output = { track: 'gray', data: 'u16', range: 'auto', model: 'depthcast-nano', size: 256 };
const MESSAGES = [
  {
    type: 'welcome',
    protocol: 1,
    server: 'depthcast 0.2.0',
    device: 'cpu',
    models: [{ name: 'm', title: 'M', unit: 'metres', sizes: [192, 256], defaultSize: 256 }],
    output,
    iceServers: [{ urls: ['stun:a.example:3478'], username: 'u', credential: 'c' }],
  },
  { type: 'answer', sdp: 'v=0\r\n' },
  { type: 'settings', output },
  {
    type: 'stats',
    stats: {
      framesIn: 30,
      framesOut: 29,
      framesDropped: 1,
      stages: { decode: 1 },
      latency: { p50: 1, p95: 2 },
      epoch: 0,
      near: 1,
      far: 0,
      source: { width: 640, height: 480, codec: 'VP8' },
      depth: { width: 256, height: 192 },
      bitrate: { video: 1, track: 2, data: 3 },
    },
  },
  { type: 'pong', id: 3 },
  { type: 'token', expires: 1893456000 },
  { type: 'token', expires: null },
  { type: 'error', code: 'BUSY', message: 'full', fatal: true, about: 'offer', retryAfter: 5 },
  { type: 'closing', reason: 'drain', retryAfter: 1 },
];

export default defineTarget({
  name: 'sdk-message',
  about: 'the server’s messages, as the browser SDK reads them',
  inputs: () => damagedJson(MESSAGES),
  read: (text) => {
    try {
      return parseServerMessage(text) !== undefined;
    } catch (thrown) {
      // It refuses with plain errors, whose cause is the SDK's; those of a defect have a class of their own.
      if ((thrown as Error).constructor === Error) throw new DepthcastError('BAD_MESSAGE', { cause: thrown });
      throw thrown;
    }
  },
});
