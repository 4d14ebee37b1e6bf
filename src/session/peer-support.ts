import type { Config } from '../config/schema.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { PeerAddresses, type PeerOptions, type PeerRole, type RtcPeer } from '../webrtc/index.ts';
import { ownIceServers } from './client-ice-servers.ts';

/** bit/s of the gray track until the receiver has told what it can take. */
const START_BITRATE = 1_000_000;
/** Seconds above its share after which a peer is ended. */
const PEER_PATIENCE = 3;

/**
 * The peer options that the settings ask for.
 * @param client address that the offer came from, where it is known
 */
export function peerOptions({ rtc, limits, output }: Config, role: PeerRole, client: string | undefined): PeerOptions {
  const { minPeerPort, privatePeers, allowPeers, denyPeers } = rtc;
  return {
    role,
    codecs: rtc.codecs,
    iceServers: ownIceServers(rtc),
    hostAddresses: rtc.hostAddresses,
    dtls: rtc.dtls,
    peerAddresses: new PeerAddresses(
      { minPort: minPeerPort, privateAddresses: privatePeers, allow: allowPeers, deny: denyPeers },
      client,
    ),
    receiveBitrate: rtc.receiveBitrate,
    sendBitrate: { min: output.minBitrate, start: Math.min(START_BITRATE, output.maxBitrate), max: output.maxBitrate },
    budget: { cpu: limits.peerCpu, bytes: limits.peerMemory * 2 ** 20, patienceSeconds: PEER_PATIENCE },
    setupTimeoutMs: limits.setupSeconds * 1000,
    ...(rtc.portRange ? { portRange: rtc.portRange } : {}),
  };
}

/** Counter values at the last report, by name. */
export type PeerCounters = Record<string, number>;

/** Adds what a peer cost the server since the last report to the metrics. */
export function reportCost(metrics: Metrics, peer: RtcPeer, last: PeerCounters): void {
  const { budget, ice } = peer.getStats();
  const since = (name: string, total: number): number => {
    const delta = total - (last[name] ?? 0);
    last[name] = total;
    return delta;
  };
  const seconds = since('milliseconds', budget.milliseconds) / 1000;
  metrics.peerCpu.inc(seconds);
  metrics.peerCpuShare.observe(seconds);
  metrics.peerHeld.observe(budget.held);
  metrics.peerPackets.inc({ outcome: 'handled' }, since('handled', budget.handled));
  metrics.peerPackets.inc({ outcome: 'shed' }, since('shed', budget.shed));
  metrics.peerPackets.inc({ outcome: 'stranger' }, since('strangers', budget.strangers));
  metrics.peerChecks.inc(since('checks', ice.checksSent));
  metrics.peerRefusedCandidates.inc(since('refused', ice.refusedCandidates));
}

/** Adds what a peer counted since the last report to the server's metrics. @returns bytes received since then */
export function reportRtp(metrics: Metrics, peer: RtcPeer, last: PeerCounters): number {
  const since = (name: string, total: number): number => {
    const delta = Math.max(0, total - (last[name] ?? 0));
    last[name] = total;
    return delta;
  };
  let videoBytes = 0;
  const received = peer.receiver?.getStats();
  if (received) {
    videoBytes = since('bytesIn', received.bytes);
    metrics.rtpPackets.inc({ direction: 'in' }, since('packetsIn', received.packets));
    metrics.rtpBytes.inc({ direction: 'in' }, videoBytes);
    for (const event of ['lost', 'recovered', 'duplicates'] as const)
      metrics.rtpEvents.inc({ event }, since(event, received[event]));
    metrics.rtpEvents.inc({ event: 'nack_sent' }, since('nacks', received.nacksSent));
    metrics.rtpEvents.inc({ event: 'pli_sent' }, since('plis', received.plisSent));
  }
  const sent = peer.sender?.getStats();
  if (sent) {
    metrics.rtpPackets.inc({ direction: 'out' }, since('packetsOut', sent.packets));
    metrics.rtpBytes.inc({ direction: 'out' }, since('bytesOut', sent.bytes));
    metrics.rtpEvents.inc({ event: 'retransmitted' }, since('retransmitted', sent.retransmitted));
    metrics.rtpEvents.inc({ event: 'nack_received' }, since('nacksIn', sent.nacksReceived));
    metrics.rtpEvents.inc({ event: 'pli_received' }, since('plisIn', sent.keyframeRequests));
    if (sent.remb !== undefined) metrics.receiverEstimate.observe(sent.remb);
    // Until the first receiver report nothing is known of the way out.
    if (sent.roundTripTime !== undefined) {
      metrics.roundTrip.observe(sent.roundTripTime / 1000);
      metrics.receiverLoss.observe(sent.fractionLost);
    }
  }
  return videoBytes;
}
