import { createHmac } from 'node:crypto';
import type { Config } from '../config/schema.ts';
import type { IceServer } from '../webrtc/index.ts';

/**
 * STUN and TURN servers as clients are told them. Where the settings hold a TURN server's secret, the credentials are made
 * for this client, and end (draft-uberti-behave-turn-rest-00: the user name is the time of expiry in seconds, the password
 * the base64 of its HMAC-SHA1; coturn's use-auth-secret).
 * @param now milliseconds since the Unix epoch
 */
export function iceServers({ iceServers, turnTtlSeconds }: Config['rtc'], now = Date.now()): IceServer[] {
  return iceServers.map(({ urls, username, credential, secret }) => {
    if (secret !== undefined) {
      const user = `${Math.floor(now / 1000) + turnTtlSeconds}:${username ?? 'depthcast'}`;
      return { urls, username: user, credential: createHmac('sha1', secret).update(user).digest('base64') };
    }
    return {
      urls,
      ...(username === undefined ? {} : { username }),
      ...(credential === undefined ? {} : { credential }),
    };
  });
}

/** Those that the server's own agent asks: STUN, and TURN where `rtc.useRelay` says that clients cannot reach it directly. */
export function ownIceServers(rtc: Config['rtc']): IceServer[] {
  return iceServers(rtc).flatMap((server) => {
    const urls = [server.urls].flat().filter((url) => rtc.useRelay || /^stuns?:/i.test(url));
    return urls.length > 0 ? [{ ...server, urls }] : [];
  });
}
