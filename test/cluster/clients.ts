// Independent clients of a cluster (libwebrtc): WHIP publishers, WHEP viewers, and sessions of the SDK. A process of its own,
// because the library crashes at a natural exit.
import { renderPictures, toAndFro } from '../support/load/moving-pictures.ts';
import { HttpSession } from './http-session.ts';
import type { FromClients, ToClients } from './protocol.ts';
import { asBrowser, SdkSession } from './sdk-session.ts';

/** Few: thirty clients and three servers share the cores of one machine. */
const PICTURE = { scene: 'room', width: 160, height: 120, fps: 1 };
const PICTURES = 10;
const REPORT_MS = 100;

const pictures = [...renderPictures(PICTURE, PICTURES)].map(({ i420 }) => i420);
const clients = new Map<string, HttpSession | SdkSession>();
let addresses = 0;

process.on('message', (message: ToClients) => {
  switch (message.case) {
    case 'open': {
      const { spec } = message;
      // Each its own address: what is limited by address is not limited for all of them together.
      const address = `127.0.1.${++addresses % 250}`;
      if (spec.kind === 'duplex') {
        asBrowser(address);
        clients.set(spec.id, new SdkSession(spec));
      } else clients.set(spec.id, new HttpSession(spec, address));
      break;
    }
    case 'close':
      void clients.get(message.id)?.close();
      clients.delete(message.id);
      break;
    case 'end':
      void Promise.all([...clients.values()].map((client) => client.close())).finally(() => process.exit(0));
      setTimeout(() => process.exit(0), 1000);
  }
});
process.on('disconnect', () => process.exit(0));
process.on('SIGINT', () => {});

let step = 0;
setInterval(() => {
  const data = pictures[toAndFro(step++, PICTURES)]!;
  for (const { source } of clients.values()) source.onFrame({ width: PICTURE.width, height: PICTURE.height, data });
}, 1000 / PICTURE.fps);
setInterval(() => {
  const reports = [...clients.values()].map(({ report }) => report);
  process.send?.({ case: 'report', clients: reports } satisfies FromClients);
}, REPORT_MS);
