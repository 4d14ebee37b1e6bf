import type { Config } from './schema.ts';

/** Keys that a running server takes over; requests, peers and streams that begin afterwards follow them. */
export const RELOADABLE: readonly string[] = [
  'server.allowedOrigins',
  'server.names',
  'server.tokens',
  'server.protect',
  'server.redirectWhenBusy',
  'server.drainSeconds',
  'jwt.secret',
  'jwt.publicKey',
  'jwt.jwks',
  'jwt.jwksUrl',
  'jwt.issuer',
  'jwt.audience',
  'jwt.clockTolerance',
  'jwt.endsSessions',
  'limits.streams',
  'limits.viewersPerStream',
  'limits.setupSeconds',
  'limits.idleSeconds',
  'limits.pictureSide',
  'limits.utilisation',
  'limits.slowViewerSeconds',
  'limits.sessionsPerAddress',
  'limits.setupsPerAddress',
  'limits.setups',
  'limits.requestsPerMinute',
  'limits.authFailuresPerMinute',
  'limits.peerCpu',
  'limits.peerMemory',
  'rtc.codecs',
  'rtc.receiveBitrate',
  'rtc.hostAddresses',
  'rtc.portRange',
  'rtc.iceServers',
  'rtc.turnTtlSeconds',
  'rtc.useRelay',
  'rtc.dtls',
  'rtc.minPeerPort',
  'rtc.privatePeers',
  'rtc.allowPeers',
  'rtc.denyPeers',
  'depth.gapSeconds',
  'depth.sceneCuts',
  'output.track',
  'output.data',
  'output.u16Steps',
  'output.minBitrate',
  'output.maxBitrate',
  'output.trackSide',
  'targets',
  'log.level',
];

export interface ReloadReport {
  /** Keys whose new value is in force. */
  changed: string[];
  /** Keys that differ and wait for a restart. */
  needRestart: string[];
}

type Tree = Record<string, unknown>;

/** Takes what may change from `next` into `config`, in place: whoever holds one of its sections sees the new values. */
export function reloadConfig(config: Config, next: Config): ReloadReport {
  const report: ReloadReport = { changed: [], needRestart: [] };
  const take = (path: string, holder: Tree, key: string, value: unknown) => {
    if (JSON.stringify(holder[key]) === JSON.stringify(value)) return;
    if (RELOADABLE.includes(path)) {
      holder[key] = value;
      report.changed.push(path);
    } else report.needRestart.push(path);
  };
  for (const [section, value] of Object.entries(next)) {
    const now = (config as Tree)[section];
    if (Array.isArray(value)) take(section, config, section, value);
    else for (const key of Object.keys(value)) take(`${section}.${key}`, now as Tree, key, (value as Tree)[key]);
  }
  return report;
}
