// A foreign participant of a LiveKit room, by LiveKit's own library: publishes numbered pictures, or watches depth. A process
// of its own for each.
import { type FfiEvent, TrackPublishOptions, VideoEncoding } from '@livekit/rtc-ffi-bindings';
import { dispose, LocalVideoTrack, Room, RoomEvent, TrackKind, TrackSource, VideoSource } from '@livekit/rtc-node';
import { captureI420, checkFfi, FRAME_METADATA, readFrames } from '../../src/agent/ffi.ts';
import { decodeFrame } from '../../src/protocol/index.ts';
import { drawFrameCode } from '../support/load/frame-code.ts';
import { renderPictures, toAndFro } from '../support/load/moving-pictures.ts';
import type { DepthReport, FromParticipant, PublisherSetup, ToParticipant, ViewerSetup } from './protocol.ts';

const TELL_MS = 200;
const SIZE = { width: 480, height: 360 };
/** Played to and fro. */
const PICTURES = 24;
const tell = (message: FromParticipant) => process.send?.(message);
const room = new Room();

process.on('message', (message: ToParticipant) => {
  if (message.case === 'publish') void publish(message);
  else if (message.case === 'view') void view(message);
  else if (message.case === 'attributes') void room.localParticipant?.setAttributes(message.attributes);
  else void end();
});
process.on('disconnect', () => process.exit(0));
process.on('SIGINT', () => {});

async function end(): Promise<void> {
  setTimeout(() => process.exit(0), 2000).unref();
  await room.disconnect();
  await dispose();
  process.exit(0);
}

async function publish({ url, token, fps, stream, identified }: PublisherSetup): Promise<void> {
  const film = [...renderPictures({ scene: 'room', seed: 7, fps, ...SIZE }, PICTURES)].map(({ i420 }) => i420);
  const { width, height } = SIZE;
  await room.connect(url, token, { autoSubscribe: false, dynacast: false });
  const source = new VideoSource(width, height);
  await room.localParticipant!.publishTrack(
    LocalVideoTrack.createVideoTrack('camera', source),
    new TrackPublishOptions({
      source: TrackSource.SOURCE_CAMERA,
      simulcast: false,
      videoEncoding: new VideoEncoding({ maxBitrate: 1_500_000n, maxFramerate: fps }),
      frameMetadataFeatures: identified ? FRAME_METADATA : [],
    }),
  );
  tell({ case: 'published' });
  let n = 0;
  let stamps: [string, number][] = [];
  const began = performance.now();
  setInterval(
    () => {
      const due = Math.floor(((performance.now() - began) / 1000) * fps);
      if (due < n) return;
      n = due + 1;
      const frame = due;
      const picture = film[toAndFro(frame, PICTURES)]!.slice();
      drawFrameCode(picture, width, height, { stream, frame });
      const userTimestamp = BigInt(Date.now()) * 1000n;
      stamps.push([String(userTimestamp), frame]);
      captureI420(
        source,
        { luma: picture.slice(0, width * height), chroma: picture.slice(width * height), width, height },
        {
          userTimestamp: identified ? userTimestamp : undefined,
          frameId: identified ? frame : undefined,
          userData: undefined,
          timestampUs: BigInt(Math.round(performance.now() * 1000)),
          rotation: 0,
        },
      );
    },
    1000 / fps / 4,
  );
  setInterval(() => {
    tell({ case: 'sent', frames: n, stamps });
    stamps = [];
  }, TELL_MS);
}

const reports = new Map<string, DepthReport>();
function reportOf(agent: string): DepthReport {
  const of = agent.replace(/^depth-of-/, '');
  let report = reports.get(of);
  if (report === undefined) {
    report = {
      of,
      trackFrames: 0,
      packets: 0,
      lastAt: 0,
      lastWidth: 0,
      ages: [],
      trackAges: [],
      packetIds: [],
      pictureIds: [],
      attributes: {},
    };
    reports.set(of, report);
  }
  return report;
}

async function view({ url, token }: ViewerSetup): Promise<void> {
  room.on(RoomEvent.TrackSubscribed, (track, publication, participant) => {
    if (track.kind !== TrackKind.KIND_VIDEO || publication.name !== 'depth') return;
    readFrames(
      track,
      ({ metadata }) => {
        const report = reportOf(participant.identity);
        report.trackFrames++;
        if (metadata?.userTimestamp === undefined) return;
        report.trackAges.push(Date.now() - Number(metadata.userTimestamp) / 1000);
        report.pictureIds.push([String(metadata.userTimestamp), metadata.frameId ?? -1]);
      },
      () => {},
    );
  });
  await checkFfi();
  const client = globalThis._ffiClientInstance!;
  const streams = new Map<bigint, string>();
  client.on('ffi_event', ({ message }: FfiEvent) => {
    if (message.case === 'roomEvent' && message.value.message.case === 'dataTrackPublished') {
      const { track } = message.value.message.value;
      const response = client.request<{ stream: { handle: { id: bigint } } }>({
        message: {
          case: 'subscribeDataTrack',
          value: { trackHandle: track!.handle!.id!, options: { bufferSize: 2 } },
        },
      });
      const id = response.stream.handle.id;
      streams.set(id, track!.publisherIdentity!);
      client.request({ message: { case: 'dataTrackStreamRead', value: { streamHandle: id } } });
    } else if (message.case === 'dataTrackStreamEvent') {
      const { streamHandle, detail } = message.value;
      if (detail.case !== 'frameReceived') return;
      const { payload, userTimestamp } = detail.value.frame!;
      void packet(streams.get(streamHandle!)!, payload!, userTimestamp);
      client.request({ message: { case: 'dataTrackStreamRead', value: { streamHandle: streamHandle! } } });
    }
  });
  await room.connect(url, token, { autoSubscribe: true, dynacast: false });
  tell({ case: 'joined' });
  setInterval(() => {
    for (const [identity, { attributes }] of room.remoteParticipants)
      if (identity.startsWith('depth-of-')) reportOf(identity).attributes = attributes;
    tell({ case: 'depth', reports: [...reports.values()] });
    for (const report of reports.values())
      Object.assign(report, { ages: [], trackAges: [], packetIds: [], pictureIds: [] });
  }, TELL_MS);
}

async function packet(agent: string, payload: Uint8Array, userTimestamp: bigint | undefined): Promise<void> {
  const at = Date.now();
  const { frameId, width } = await decodeFrame(payload);
  const report = reportOf(agent);
  report.packets++;
  report.lastAt = at;
  report.lastWidth = width;
  report.packetIds.push([String(userTimestamp), frameId]);
  if (userTimestamp !== undefined) report.ages.push(at - Number(userTimestamp) / 1000);
}
