import { parentPort, workerData } from 'node:worker_threads';
import { toDepthcastError } from '../errors.ts';
import { DepthWriter } from './depth-writer.ts';
import type { FromWriter, ToWriter, WriterBoot } from './writer-protocol.ts';

// The writing thread: painting and the encoders' own work stay off the thread that feeds the network.

const port = parentPort;
if (port === null) throw new Error('the writer runs in a worker thread');
const send = (message: FromWriter, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);

let writer: DepthWriter | undefined;
// In order, one at a time.
let turn = start();

port.on('message', (message: ToWriter) => {
  turn = turn.then(() => handle(message)).catch(fail);
});

async function start(): Promise<void> {
  try {
    writer = await DepthWriter.create(workerData as WriterBoot);
    send({ case: 'ready' });
  } catch (thrown) {
    fail(thrown);
  }
}

async function handle(message: ToWriter): Promise<void> {
  if (message.case === 'finish') {
    await writer?.finish().catch(fail);
    send({ case: 'finished' });
    port?.close();
    return;
  }
  const { values, colour } = message.value;
  await writer?.write(message.value);
  send(
    {
      case: 'written',
      value: { values: values as Float32Array<ArrayBuffer>, colour: colour as Uint8Array<ArrayBuffer> },
    },
    [values.buffer as ArrayBuffer, ...(colour ? [colour.buffer as ArrayBuffer] : [])],
  );
}

function fail(thrown: unknown): void {
  const { code, detail } = toDepthcastError(thrown);
  send({ case: 'failed', value: { code, detail } });
}
