// A server in a process of its own, so that its CPU time can be told from the load's. Where asked, every picture's frame code is read
// on its way into the network and told: what the network saw under which RTP timestamp.
import { loadConfig } from '../../../src/config/load.ts';
import { startServer } from '../../../src/server/server.ts';
import { InputScaler, type Picture } from '../../../src/video/index.ts';
import { readFrameCode } from './frame-code.ts';

/** An RTP timestamp and the code of its picture; -1 where none could be read. */
export type CodeReading = [timestamp: number, stream: number, frame: number];

export interface ServerSetup {
  /** Settings that differ from the shipped ones, by dotted key. */
  overrides: Record<string, unknown>;
  readCodes: boolean;
}

export type FromServer =
  | { case: 'listening'; port: number }
  | { case: 'codes'; readings: CodeReading[] }
  | { case: 'failed'; message: string };

const TELL_MS = 250;
const tell = (message: FromServer) => process.send?.(message);

process.once('message', ({ overrides, readCodes }: ServerSetup) => {
  if (readCodes) watchCodes();
  const file = new URL('../../../config/depthcast.yaml', import.meta.url).pathname;
  void (async () => {
    // Codes are read on this thread.
    const peers = readCodes ? { 'server.mediaWorkers': 0 } : {};
    const config = loadConfig({ file, env: process.env, overrides: { 'server.port': 0, ...peers, ...overrides } });
    const server = await startServer({ config, version: 'loadtest' });
    tell({ case: 'listening', port: server.port });
    const end = () => void server.close('load test ended').finally(() => process.exit(0));
    process.once('message', end);
    process.once('disconnect', end);
  })().catch((thrown: unknown) => {
    tell({ case: 'failed', message: thrown instanceof Error ? thrown.message : String(thrown) });
    setTimeout(() => process.exit(1), 100);
  });
});
// Ctrl-C reaches this process too; the load test ends it once its streams have left.
process.on('SIGINT', () => {});

function watchCodes(): void {
  const readings: CodeReading[] = [];
  setInterval(() => readings.length > 0 && tell({ case: 'codes', readings: readings.splice(0) }), TELL_MS).unref();
  const { scaleInto } = InputScaler.prototype;
  InputScaler.prototype.scaleInto = async function (this: InputScaler, picture: Picture, ...rest) {
    const code = await picture.read(async ({ data, linesize, width, height }) =>
      readFrameCode(data![0]!, linesize[0]!, width, height),
    );
    readings.push([picture.rtpTimestamp, code?.stream ?? -1, code?.frame ?? -1]);
    return scaleInto.call(this, picture, ...rest);
  };
}
