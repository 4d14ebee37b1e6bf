import { VIDEO_CODECS } from '../../../src/codecs.ts';

const WEB_CODECS = Object.fromEntries(Object.entries(VIDEO_CODECS).map(([name, { webCodec }]) => [name, webCodec]));

/**
 * The worker that sees every encoded picture on its way to the network (W3C WebRTC Encoded Transform) and decodes a copy of
 * it: what it gives back is the very picture that the server receives, under the RTP timestamp that it is sent with. No
 * browser tells the RTP timestamp of a camera's picture otherwise: neither VideoFrame nor requestVideoFrameCallback of a
 * local track has it, and by time alone two pictures can be mistaken for each other.
 *
 * Plain JavaScript in a string: a worker from a Blob needs no file of its own, which bundlers would have to be told about.
 */
export const WORKER_SOURCE = `
'use strict';
/** Pictures that may wait for the decoder; with more it starts again at a keyframe. */
const MAX_QUEUE = 30;
const CODECS = ${JSON.stringify(WEB_CODECS)};
const free = [];
let count = 0;

onmessage = ({ data }) => { if (free.length < 8) free.push(data.buffer); };

onrtctransform = ({ transformer }) => {
  const { codec } = transformer.options;
  /** RTP timestamps of what the decoder holds, by the number that it was given. */
  const identities = new Map();
  let decoder;
  let told = false;
  /** Whether a keyframe was asked for, to begin with. */
  let asked = false;

  const trouble = (error) => {
    decoder = undefined;
    identities.clear();
    if (!told) postMessage({ type: 'trouble', message: String(error && error.message || error) });
    told = true;
  };
  const show = async (frame) => {
    const rtpTimestamp = identities.get(frame.timestamp);
    identities.delete(frame.timestamp);
    if (rtpTimestamp === undefined) return frame.close();
    try {
      const { format, codedWidth, codedHeight, visibleRect, colorSpace } = frame;
      const size = { width: visibleRect.width, height: visibleRect.height };
      if (format === null) {
        const bitmap = await createImageBitmap(frame);
        postMessage({ type: 'picture', rtpTimestamp, ...size, bitmap }, [bitmap]);
      } else {
        const bytes = frame.allocationSize();
        const spare = free.pop();
        const buffer = spare && spare.byteLength === bytes ? spare : new ArrayBuffer(bytes);
        const layout = await frame.copyTo(buffer);
        postMessage({ type: 'picture', rtpTimestamp, ...size, buffer, format, layout, colorSpace: colorSpace.toJSON() }, [buffer]);
      }
    } catch (error) {
      trouble(error);
    } finally {
      frame.close();
    }
  };
  const look = (frame) => {
    // What cannot be decoded once is not asked for again.
    if (told) return;
    const metadata = frame.getMetadata();
    const rtpTimestamp = metadata.rtpTimestamp === undefined ? frame.timestamp : metadata.rtpTimestamp;
    if (decoder && decoder.decodeQueueSize > MAX_QUEUE) {
      decoder.close();
      decoder = undefined;
      identities.clear();
    }
    if (!decoder) {
      if (frame.type !== 'key') {
        if (!asked) transformer.generateKeyFrame().catch(() => {});
        asked = true;
        return;
      }
      asked = false;
      const name = ((metadata.mimeType || '').split('/')[1] || codec).toUpperCase();
      decoder = new VideoDecoder({ output: show, error: trouble });
      decoder.configure({ codec: CODECS[name], optimizeForLatency: true, hardwareAcceleration: 'no-preference' });
    }
    const timestamp = count++;
    identities.set(timestamp, rtpTimestamp);
    decoder.decode(new EncodedVideoChunk({ type: frame.type, timestamp, data: frame.data }));
  };
  const copy = new TransformStream({
    transform(frame, controller) {
      try { look(frame); } catch (error) { trouble(error); }
      controller.enqueue(frame);
    },
  });
  transformer.readable.pipeThrough(copy).pipeTo(transformer.writable).catch(() => {}).finally(() => {
    if (decoder && decoder.state !== 'closed') decoder.close();
  });
};
`;
