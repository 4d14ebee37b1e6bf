import { expect } from 'vitest';
import type { RtcClient } from '../../support/rtc-client.ts';

/**
 * Posts a client's offer, as WHIP and WHEP do, and gives it the answer.
 * @param munge what is sent instead of its offer
 * @returns the address of its session
 */
export async function postOffer(url: string, client: RtcClient, munge = (sdp: string) => sdp): Promise<string> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/sdp' },
    body: munge(client.offerSdp),
  });
  const answer = await response.text();
  expect(response.status, answer).toBe(201);
  client.accept(answer);
  return new URL(response.headers.get('location')!, url).href;
}
