import { MessageReader } from '../../../src/server/ws-reader.ts';
import { damagedJson } from '../mutate.ts';
import { defineTarget } from '../target.ts';

const MESSAGES = [
  { type: 'hello', protocol: 2, client: 'fuzz', token: 'secret-secret', camera: { hfov: 70 } },
  { type: 'offer', sdp: 'v=0\r\n', output: { track: 'gray', data: 'u16', range: { near: 1, far: 0 }, size: 256 } },
  {
    type: 'candidate',
    candidate: { candidate: 'candidate:1 1 udp 1 192.0.2.1 9 typ host', sdpMid: '0', sdpMLineIndex: 0 },
  },
  { type: 'candidate', candidate: { candidate: '', sdpMid: null, usernameFragment: 'abcd' } },
  { type: 'settings', output: { range: 'auto', model: 'depthcast-nano', size: 192, data: 'f16', track: 'off' } },
  { type: 'settings', camera: { fx: 600, fy: 601.5, cx: 320, cy: 240, width: 640, height: 480 } },
  { type: 'settings', camera: null },
  { type: 'anchors', anchors: [{ x: 0.5, y: 0.25, metres: 2.5, error: 0.1 }] },
  { type: 'token', token: 'secret-secret' },
  { type: 'reset' },
  { type: 'ping', id: 1 },
  { type: 'bye' },
];

export default defineTarget({
  name: 'ws-message',
  about: 'signalling messages of /ws',
  inputs: () => damagedJson(MESSAGES),
  read: (text) => {
    // A new client each time: the rate limit is not what is tried here.
    const message = new MessageReader().read(Buffer.from(text), false);
    if (Object.getPrototypeOf(message) !== Object.prototype) throw new Error('a message with a strange prototype');
  },
});
