import { makeIdentity } from './identity.ts';
import { SecureTransport } from './secure-transport.ts';

/**
 * One handshake in memory: the first would take 25 ms of compiling the transport module in the middle of somebody's session. Also shows at
 * the start whether this machine's crypto can do what DTLS needs.
 * @throws Error where the handshake fails
 */
export async function warmUpDtls(): Promise<void> {
  const [one, other] = await Promise.all([makeIdentity(), makeIdentity()]);
  const fingerprint = (value: string) => [{ algorithm: 'sha-256', value: value.replaceAll(':', '') }];
  const server = new SecureTransport({
    role: 'server',
    version: 1.2,
    identity: one,
    fingerprints: fingerprint(other.fingerprint),
    now: 0,
  });
  const client = new SecureTransport({
    role: 'client',
    version: 1.2,
    identity: other,
    fingerprints: fingerprint(one.fingerprint),
    now: 0,
  });
  let connected = 0;
  const pass = (from: SecureTransport, to: SecureTransport): boolean => {
    let passed = false;
    for (let output = from.poll(); output; output = from.poll()) {
      if (output.type === 'failed') throw output.error;
      if (output.type === 'connected') connected++;
      if (output.type !== 'datagram') continue;
      to.receive(output.datagram, 0);
      passed = true;
    }
    return passed;
  };
  while (pass(client, server) || pass(server, client)) {}
  if (connected !== 2) throw new Error('a DTLS handshake in memory did not complete');
}
