// The only file that speaks the messages below @livekit/rtc-node's classes, which know no frame metadata, no bounded queue
// of frames, no choice of a layer and no data tracks. They belong to the pinned version of its bindings; checkFfi() says so
// where they do not fit.
import {
  type FfiEvent,
  FfiHandle,
  FrameMetadata,
  FrameMetadataFeature,
  type PublishDataTrackCallback,
  VideoBufferInfo,
  VideoBufferInfo_ComponentInfo,
  VideoBufferType,
  type VideoRotation,
  type VideoStreamEvent,
  VideoStreamType,
} from '@livekit/rtc-ffi-bindings';
import { type LocalParticipant, type RemoteTrack, type RemoteTrackPublication, VideoSource } from '@livekit/rtc-node';
import { DepthcastError } from '../errors.ts';
import type { FrameIdentity } from './identity.ts';

/** What a track of ours tells with each frame. */
export const FRAME_METADATA = [
  FrameMetadataFeature.FMF_USER_TIMESTAMP,
  FrameMetadataFeature.FMF_FRAME_ID,
  FrameMetadataFeature.FMF_USER_DATA,
];

type Client = NonNullable<typeof globalThis._ffiClientInstance>;

/** rtc-node keeps its one client there and does not export it. */
function client(): Client {
  const found = globalThis._ffiClientInstance;
  if (found === undefined) throw mismatch('there is no client');
  return found;
}

const mismatch = (detail: string): DepthcastError =>
  new DepthcastError('LIVEKIT_MISSING', {
    detail: `@livekit/rtc-node is not the version that this program knows: ${detail}`,
  });

/** @throws DepthcastError LIVEKIT_MISSING where the library is another than the one that is known here */
export async function checkFfi(): Promise<void> {
  // The client comes with the first thing that needs one.
  await new VideoSource(16, 16).close();
  for (const name of ['request', 'copyBuffer', 'retrievePtr', 'getNextRequestAsyncId', 'waitFor', 'on'] as const)
    if (typeof client()[name] !== 'function') throw mismatch(`its client has no ${name}`);
}

/** One frame of a remote track. */
export interface ReceivedFrame {
  /** I420: Y [height*width], then U and V [ceil(height/2)*ceil(width/2)], without gaps; a copy. */
  planes: Uint8Array;
  width: number;
  height: number;
  rotation: VideoRotation;
  /** Of the receiver's own clock. */
  timestampUs: bigint;
  metadata: FrameMetadata | undefined;
}

/** One listener for all streams: rtc-node's client would warn of ten. */
const streams = new Map<bigint, (event: VideoStreamEvent) => void>();
let listening: Client | undefined;

function listen(): void {
  const now = client();
  if (listening === now) return;
  listening = now;
  now.on('ffi_event', ({ message }: FfiEvent) => {
    if (message.case === 'videoStreamEvent') streams.get(message.value.streamHandle!)?.(message.value);
  });
}

/**
 * Frames of a remote track, as they are decoded. The library keeps one at most for a reader that is slow.
 * @returns ends it; idempotent
 */
export function readFrames(track: RemoteTrack, onFrame: (frame: ReceivedFrame) => void, onEnd: () => void): () => void {
  listen();
  const response = client().request<{ stream?: { handle?: { id?: bigint } } }>({
    message: {
      case: 'newVideoStream',
      value: {
        type: VideoStreamType.VIDEO_STREAM_NATIVE,
        trackHandle: track.ffi_handle.handle,
        format: VideoBufferType.I420,
        normalizeStride: true,
        queueSizeFrames: 1,
      },
    },
  });
  const id = response.stream?.handle?.id;
  if (id === undefined) throw mismatch('it opens no video stream');
  const handle = new FfiHandle(id);
  const close = () => {
    if (streams.delete(id)) handle.dispose();
  };
  streams.set(id, ({ message }) => {
    if (message.case === 'eos') {
      close();
      onEnd();
    } else if (message.case === 'frameReceived') {
      const { buffer, timestampUs = 0n, rotation = 0, metadata } = message.value;
      const { width = 0, height = 0, dataPtr = 0n } = buffer!.info!;
      const size = width * height + 2 * ((width + 1) >> 1) * ((height + 1) >> 1);
      const planes = client().copyBuffer(dataPtr, size);
      // Native memory, which no garbage collector sees.
      new FfiHandle(buffer!.handle!.id!).dispose();
      onFrame({ planes, width, height, rotation, timestampUs, metadata });
    }
  });
  return close;
}

/**
 * Publishes one picture. The library copies it before this returns.
 * @param luma [height*width]
 * @param chroma [2*ceil(height/2)*ceil(width/2)]
 */
export function captureI420(
  source: VideoSource,
  picture: { luma: Uint8Array; chroma: Uint8Array; width: number; height: number },
  identity: FrameIdentity | undefined,
): void {
  const { luma, chroma, width, height } = picture;
  const half = (width + 1) >> 1;
  const plane = half * ((height + 1) >> 1);
  // By pointers: rtc-node's own class would send the beginning of the buffer that an array is part of.
  const at = client().retrievePtr(luma);
  const u = client().retrievePtr(chroma);
  const components = [
    { dataPtr: at, stride: width, size: width * height },
    { dataPtr: u, stride: half, size: plane },
    { dataPtr: u + BigInt(plane), stride: half, size: plane },
  ].map((component) => new VideoBufferInfo_ComponentInfo(component));
  client().request({
    message: {
      case: 'captureVideoFrame',
      value: {
        sourceHandle: source.ffiHandle.handle,
        buffer: new VideoBufferInfo({
          type: VideoBufferType.I420,
          width,
          height,
          dataPtr: at,
          stride: width,
          components,
        }),
        rotation: identity?.rotation ?? 0,
        timestampUs: identity?.timestampUs ?? 0n,
        ...(identity === undefined ? {} : { metadata: metadataOf(identity) }),
      },
    },
  });
}

const metadataOf = ({ userTimestamp, frameId, userData }: FrameIdentity): FrameMetadata =>
  new FrameMetadata({
    ...(userTimestamp === undefined ? {} : { userTimestamp }),
    ...(frameId === undefined ? {} : { frameId }),
    ...(userData === undefined ? {} : { userData }),
  });

/** Asks for the simulcast layer that is nearest to a size; before the track is subscribed the request has no effect. */
export function preferSize({ ffiHandle }: RemoteTrackPublication, width: number, height: number): void {
  client().request({
    message: {
      case: 'updateRemoteTrackPublicationDimension',
      value: { trackPublicationHandle: ffiHandle.handle, width, height },
    },
  });
}

/** A data track of ours. */
export class DataTrack {
  readonly #handle: FfiHandle;
  #open = true;

  private constructor(id: bigint) {
    this.#handle = new FfiHandle(id);
  }

  /** @throws DepthcastError LIVEKIT_FAILED */
  static async publish(participant: LocalParticipant, name: string): Promise<DataTrack> {
    const requestAsyncId = client().getNextRequestAsyncId();
    const published = client().waitFor<PublishDataTrackCallback>(
      ({ message }) => message.case === 'publishDataTrack' && message.value.asyncId === requestAsyncId,
    );
    client().request({
      message: {
        case: 'publishDataTrack',
        value: { localParticipantHandle: participant.ffi_handle.handle, options: { name }, requestAsyncId },
      },
    });
    const { result } = await published;
    if (result.case === 'track') return new DataTrack(result.value.handle!.id!);
    throw new DepthcastError('LIVEKIT_FAILED', {
      detail: `data track ${name}: ${result.value?.message ?? 'no answer'}`,
    });
  }

  /**
   * One frame, whole.
   * @param userTimestamp microseconds, of the picture it belongs to
   * @throws DepthcastError LIVEKIT_FAILED
   */
  push(payload: Uint8Array, userTimestamp: bigint | undefined): void {
    if (!this.#open) return;
    const response = client().request<{ error?: { message?: string } }>({
      message: {
        case: 'localDataTrackTryPush',
        value: {
          trackHandle: this.#handle.handle,
          frame: { payload, ...(userTimestamp === undefined ? {} : { userTimestamp }) },
        },
      },
    });
    if (response.error) throw new DepthcastError('LIVEKIT_FAILED', { detail: `data track: ${response.error.message}` });
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    try {
      client().request({ message: { case: 'localDataTrackUnpublish', value: { trackHandle: this.#handle.handle } } });
    } catch {
      // The room is gone, and the track with it.
    }
    this.#handle.dispose();
  }
}
