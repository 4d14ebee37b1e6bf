import { DepthcastError } from '../errors.ts';
import { answerRequests } from '../worker-answers.ts';
import { FRAME_TOPICS, frameMessage, hasTopic, type RosFrame, TYPE_OF, topicName } from './frame-topics.ts';
import { McapFile } from './mcap-file.ts';
import type { McapCalls, McapFrame } from './mcap-protocol.ts';
import { opticalTransform, rosTime, valuesOf } from './messages.ts';

// The far end of McapThread.

let file: McapFile | undefined;
let scaled = new Float32Array(0);

async function write({ values, unit, metric, at, ...frame }: McapFrame): Promise<McapFile> {
  if (!file) throw new DepthcastError('INTERNAL', { detail: 'no file is open' });
  if (metric && scaled.length !== values.length) scaled = new Float32Array(values.length);
  const ros: RosFrame = { ...frame, ...valuesOf(values, unit, metric, scaled) };
  for (const topic of FRAME_TOPICS)
    if (hasTopic(ros, topic))
      await file.add(topicName(ros.camera, topic, ros.unit), TYPE_OF[topic], at, frameMessage(ros, topic));
  return file;
}

/** The system's errors as ours. */
async function told<T>(path: string | undefined, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    if (thrown instanceof DepthcastError) throw thrown;
    const { code, message } = thrown as NodeJS.ErrnoException;
    const isFull = code === 'ENOSPC' || code === 'EDQUOT';
    throw new DepthcastError(isFull ? 'DISK_FULL' : 'RECORDING_FAILED', {
      detail: isFull ? path : message,
      cause: thrown,
    });
  }
}

answerRequests<McapCalls, void>(
  {
    open: ({ path, camera, at }) =>
      told(path, async () => {
        file = await McapFile.create(path);
        const transforms = [opticalTransform(rosTime(at), camera)];
        await file.add('/tf_static', 'tf2_msgs/msg/TFMessage', at, { transforms });
        return { bytes: file.bytes };
      }),
    write: (frame, transfer) =>
      told(file?.path, async () => {
        const { bytes } = await write(frame);
        transfer.push(frame.values.buffer);
        return { bytes, values: frame.values };
      }),
    close: () =>
      told(file?.path, async () => {
        const closing = file;
        file = undefined;
        await closing?.close();
        return { bytes: closing?.bytes ?? 0 };
      }),
  },
  () => {},
);
