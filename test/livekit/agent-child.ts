// The command `depthcast agent`, with one thing more: the code of every picture is read on its way into the network and told.

import type { FrameIdentity } from '../../src/agent/identity.ts';
import { InputScaler, type Picture } from '../../src/video/index.ts';
import { readFrameCode } from '../support/load/frame-code.ts';

/** The publisher's timestamp of a picture, and the frame number drawn in it; -1 where none can be read. */
export type FrameReading = [timestamp: string, frame: number];

const TELL_MS = 200;
const readings: FrameReading[] = [];
setInterval(() => readings.length > 0 && process.send?.(readings.splice(0)), TELL_MS).unref();

const { scaleInto } = InputScaler.prototype;
InputScaler.prototype.scaleInto = async function (this: InputScaler, picture: Picture, ...rest) {
  const code = await picture.read(async ({ data, linesize, width, height }) =>
    readFrameCode(data![0]!, linesize[0]!, width, height),
  );
  const { userTimestamp } = picture.identity as FrameIdentity;
  readings.push([String(userTimestamp), code?.frame ?? -1]);
  return scaleInto.call(this, picture, ...rest);
};
await import('../../src/cli/main.ts');
