import type { DepthcastError } from '../errors.ts';
import type { DepthUnit, Intrinsics } from '../protocol/index.ts';
import type { LiveStream } from '../stream/live-stream.ts';
import type { RtcPeer } from '../webrtc/index.ts';
import { short } from './short-id.ts';

/** What came of a publisher's video: for logs and operators. */
export interface VideoReport {
  codec: string;
  /** Of the last picture. */
  width: number;
  height: number;
  /** The camera of that picture, in its pixels; null before the first. */
  intrinsics: Intrinsics | null;
  /** Of the network: in force, and asked for; it is less while the server is busy and `depth.size` is auto. */
  size: { now: number; asked: number };
  /** Of the depth that is sent. */
  unit: DepthUnit;
  /** Frames a second that came, and that depth was made of. */
  framesIn: number;
  framesOut: number;
  /** Frames since the session began. */
  arrived: number;
  decoded: number;
  depth: number;
  /** Of those with depth, for which it was reused. */
  reused: number;
  /** Frames by reason: `newer`, `reference`, `incomplete` (packets lost, or no keyframe to begin with), codes of errors. */
  dropped: Record<string, number>;
}

/** One session as `/api/sessions` lists it. */
export interface SessionReport {
  /** The first characters of its id, as in the log. */
  session: string;
  kind: 'ws' | 'whip' | 'whep';
  /** Public name of the stream; null for `/ws`, whose streams have none. */
  stream: string | null;
  state: 'connecting' | 'connected' | 'closed';
  model: string;
  /** Of a publisher. */
  video?: VideoReport;
  packets?: { received: number; lost: number; recovered: number; other: number; unknown: number };
  /** Why it makes no depth although packets come. */
  problem?: { code: string; message: string };
}

/** What is told of a session. */
interface Reported {
  id: string;
  kind: SessionReport['kind'];
  stream: LiveStream;
  peer: RtcPeer;
  problem: DepthcastError | undefined;
}

function videoReport({ stream, peer }: Reported): VideoReport {
  const { totals, latest } = stream.stats;
  const incomplete = peer.receiver?.getStats().discardedFrames ?? 0;
  return {
    codec: stream.source?.codec ?? '',
    width: stream.last.width,
    height: stream.last.height,
    intrinsics: stream.last.width > 0 ? stream.camera.intrinsics(stream.last.width, stream.last.height) : null,
    size: stream.size,
    unit: stream.unit,
    framesIn: latest?.framesIn ?? 0,
    framesOut: latest?.framesOut ?? 0,
    arrived: totals.arrived,
    decoded: totals.decoded,
    depth: totals.depth,
    reused: totals.reused,
    dropped: { ...totals.dropped, ...(incomplete > 0 ? { incomplete } : {}) },
  };
}

export function sessionReport(session: Reported): SessionReport {
  const { id, kind, stream, peer, problem } = session;
  const { state, receiver } = peer.getStats();
  const report: SessionReport = {
    session: short(id),
    kind,
    stream: kind === 'ws' ? null : stream.name,
    state,
    model: stream.model,
  };
  if (kind === 'whep' || !receiver) return report;
  const { packets, lost, recovered, otherPackets, strangePackets } = receiver;
  report.video = videoReport(session);
  report.packets = { received: packets, lost, recovered, other: otherPackets, unknown: strangePackets };
  if (problem) report.problem = { code: problem.code, message: problem.message };
  return report;
}
