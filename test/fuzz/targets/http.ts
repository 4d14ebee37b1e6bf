import { connect, type Socket } from 'node:net';
import fc from 'fast-check';
import { loadConfig } from '../../../src/config/load.ts';
import { DepthcastError, type ErrorCode } from '../../../src/errors.ts';
import { type DepthServer, startServer } from '../../../src/server/server.ts';
import { damagedText } from '../mutate.ts';
import { defineTarget } from '../target.ts';
import { OFFERS } from './sdp.ts';

const SDP = 'application/sdp';
const FRAGMENT = 'application/trickle-ice-sdpfrag';
const HEADS = [
  `POST /whip/cam HTTP/1.1\r\nHost: x\r\nContent-Type: ${SDP}\r\nAuthorization: Bearer abcdefgh`,
  `POST /whep/cam HTTP/1.1\r\nHost: x\r\nContent-Type: ${SDP}; charset=utf-8\r\nOrigin: https://a.example`,
  `PATCH /session/AAAAAAAAAAAAAAAAAAAAAA HTTP/1.1\r\nHost: x\r\nContent-Type: ${FRAGMENT}\r\nIf-Match: "abc"`,
  'DELETE /session/AAAAAAAAAAAAAAAAAAAAAA HTTP/1.1\r\nHost: x\r\nIf-Match: *',
  'OPTIONS /whip/cam HTTP/1.1\r\nHost: x\r\nOrigin: http://b\r\nAccess-Control-Request-Method: POST',
  'GET /api/info HTTP/1.1\r\nHost: x\r\nAccept: */*\r\nCookie: a=b; c="d"',
  'GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZQ==\r\nSec-WebSocket-Version: 13',
];
/** Real offers would open sessions, which is not what is tried here; one in some gets through all the same. */
const BODIES = [
  '',
  'v=0\r\n',
  'a=ice-ufrag:abcd\r\na=ice-pwd:pppppppppppppppppppppppp\r\n',
  '{}',
  OFFERS[0]!.slice(0, 600),
];
/** Where the server waits for more of a request, it is told that nothing more comes after the first of these, ms. */
const SEND_END_MS = 20;
/** It must end the connection, or answer, within this; what it still keeps open is closed by us. */
const QUIET_MS = 150;

let server: DepthServer;
let socket: Socket | undefined;
let rejected: () => Promise<number>;
/** What {@link rejected} said after the last input. */
let counted = 0;

export default defineTarget({
  name: 'http',
  about: 'raw HTTP requests to WHIP, WHEP, sessions and /ws of a real server: lines, headers and bodies',
  inputs: () => fc.tuple(damagedText(HEADS), damagedText(BODIES), fc.integer({ min: -1, max: 100 })),
  open: async () => {
    const config = loadConfig({
      overrides: {
        'server.port': 0,
        // What throws is to be seen on this thread.
        'server.mediaWorkers': 0,
        'server.tokens': ['abcdefgh'],
        'limits.requestsPerMinute': 1_000_000,
        'limits.connections': 1_000_000,
        'limits.connectionsPerAddress': 1_000_000,
        'limits.authFailuresPerMinute': 100_000,
        'limits.setupSeconds': 1,
        'limits.streams': 2,
      },
    });
    server = await startServer({ config, version: 'fuzz' });
    rejected = async () => {
      const metric = await server.context.metrics.registry.getSingleMetric('depthcast_rejected_total')!.get();
      return metric.values.reduce((sum, { value }) => sum + value, 0);
    };
  },
  read: async ([head, body, lie]) => {
    const length = Buffer.byteLength(body) + (lie > 1 ? 0 : lie);
    const request = Buffer.from(`${head}\r\nContent-Length: ${length}\r\n\r\n${body}`, 'utf8');
    const answer = await exchange(request);
    const before = counted;
    counted = await rejected();
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1]);
    if (answer !== '' && !(status >= 101 && status < 600)) throw new Error(`no HTTP: ${answer.slice(0, 80)}`);
    if (status >= 500 && status !== 503) throw new Error(`the server answered ${answer.slice(0, 300)}`);
    const code = /"code":"([A-Z_]+)"/.exec(answer)?.[1];
    if (code === undefined) return status < 400;
    if (counted <= before) throw new Error(`${code} was not counted`);
    throw new DepthcastError(code as ErrorCode);
  },
  close: async () => {
    socket?.destroy();
    socket = undefined;
    await server.close();
  },
});

/** Sends a request on the connection that stands, or a new one; '' where the server waits for more of it. */
function exchange(request: Buffer): Promise<string> {
  socket ??= connect(server.port, '127.0.0.1');
  const current = socket;
  return new Promise((resolve) => {
    let answer = '';
    const finish = (keep: boolean) => {
      clearTimeout(timer);
      clearTimeout(ending);
      current.removeAllListeners();
      current.on('error', () => {});
      if (!keep || current.writableEnded || /\r\nconnection: (close|upgrade)/i.test(answer)) {
        current.destroy();
        socket = undefined;
      }
      resolve(answer);
    };
    const timer = setTimeout(() => finish(false), QUIET_MS);
    const ending = setTimeout(() => current.end(), SEND_END_MS);
    current.on('data', (data) => {
      answer += String(data);
      const end = answer.indexOf('\r\n\r\n');
      const length = Number(/\r\ncontent-length: (\d+)/i.exec(answer)?.[1] ?? 0);
      if (end >= 0 && Buffer.byteLength(answer) >= end + 4 + length) finish(true);
    });
    current.on('error', () => {});
    current.on('close', () => finish(false));
    current.write(request);
  });
}
