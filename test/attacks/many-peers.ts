import { makeIdentity } from '../../src/webrtc/dtls/identity.ts';
import { SecureTransport } from '../../src/webrtc/dtls/secure-transport.ts';

// A process of its own, with --expose-gc: connects so many ends (argument), holds them all at once, and prints what they take.

const WARM_UP = 20;
const count = Number(process.argv[2]);
const identities = await Promise.all([makeIdentity(), makeIdentity()]);
const held: SecureTransport[] = [];
let connected = 0;
let before = 0;
for (let n = 0; n < (count + WARM_UP) / 2; n++) {
  const ends = (['client', 'server'] as const).map((role, i) => {
    const fingerprints = [{ algorithm: 'sha-256', value: identities[1 - i]!.fingerprint.replaceAll(':', '') }];
    return new SecureTransport({ role, version: 1.2, identity: identities[i]!, fingerprints, now: 0 });
  });
  for (let moved = true; moved; ) {
    moved = false;
    for (const [i, end] of ends.entries())
      for (let output = end.poll(); output; output = end.poll()) {
        moved = true;
        if (output.type === 'datagram') ends[1 - i]!.receive(output.datagram, 0);
        else if (output.type === 'connected') connected++;
      }
  }
  held.push(...ends);
  if (held.length === WARM_UP) before = settledBytes();
}
const bytesEach = (settledBytes() - before) / count;
for (const end of held.splice(0)) end.close(1);
// Their memory goes with them, when the collector has seen both the instances and what held them.
await new Promise((resolve) => setTimeout(resolve, 100));
const bytesLeft = settledBytes() - before;
console.log(JSON.stringify({ connected: connected - WARM_UP, bytesEach, bytesLeft }));

function settledBytes(): number {
  for (let i = 0; i < 3; i++) globalThis.gc!();
  return process.memoryUsage.rss();
}
