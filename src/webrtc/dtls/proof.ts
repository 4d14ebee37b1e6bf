import { constants, createHash, verify, X509Certificate } from 'node:crypto';
import type { DtlsSocket } from 'werift';
import type { Fingerprint } from '../sdp/sdp.ts';

// werift checks neither the signature over the server's key exchange nor the client's certificate verify message, so a
// copied certificate would pass. These functions check them once the handshake is over.

const CERTIFICATE_VERIFY = 15;
const SERVER_KEY_EXCHANGE = 12;
const FINISHED = 20;

/** TLS 1.2 signature schemes (RFC 8446 section 4.2.3) that are still sound. */
const SCHEMES: Record<number, { hash: string; pss?: boolean }> = {
  1025: { hash: 'sha256' },
  1281: { hash: 'sha384' },
  1537: { hash: 'sha512' },
  1027: { hash: 'sha256' },
  1283: { hash: 'sha384' },
  1539: { hash: 'sha512' },
  2052: { hash: 'sha256', pss: true },
  2053: { hash: 'sha384', pss: true },
  2054: { hash: 'sha512', pss: true },
};

/**
 * Throws unless the peer owns the key of a certificate with one of these fingerprints.
 * @param socket a DTLS 1.2 association whose handshake has completed
 */
export function verifyPeer(
  socket: DtlsSocket,
  fingerprints: readonly Fingerprint[],
  ourRole: 'client' | 'server',
): void {
  const der = socket.remoteCertificate;
  if (!der) throw new Error('the peer sent no certificate');
  const matches = fingerprints.some(
    ({ algorithm, value }) => createHash(algorithm.replace('-', '')).update(der).digest('hex').toUpperCase() === value,
  );
  if (!matches) throw new Error('the certificate does not match the fingerprint in the SDP');
  // Ties the keys to the whole handshake (RFC 7627), whose finished messages werift does not compare.
  if (!socket.dtls.remoteExtendedMasterSecret) throw new Error('the peer does not use the extended master secret');
  const certificate = new X509Certificate(der);
  const signed = ourRole === 'client' ? serverKeyExchange(socket) : certificateVerify(socket);
  const scheme = SCHEMES[signed.scheme];
  if (!scheme) throw new Error('the peer signed with an unknown or weak algorithm');
  const key = certificate.publicKey;
  const options = scheme.pss
    ? { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
    : key;
  if (!verify(scheme.hash, signed.data, options, signed.signature))
    throw new Error("the peer's handshake signature is wrong");
}

interface Signed {
  scheme: number;
  data: Buffer;
  signature: Buffer;
}

/** RFC 8422 section 5.4: both randoms, then curve and public key, signed with the certificate's key. */
function serverKeyExchange({ dtls, cipher }: DtlsSocket): Signed {
  const body = dtls.sortedHandshakeCache.find((message) => message.msg_type === SERVER_KEY_EXCHANGE)?.fragment;
  if (!body || body.length < 8) throw new Error('the key exchange is missing');
  const paramsEnd = 4 + body[3]!;
  const publicKey = body.subarray(4, paramsEnd);
  if (!cipher.remoteKeyPair.publicKey || !publicKey.equals(cipher.remoteKeyPair.publicKey))
    throw new Error('the key exchange changed');
  const scheme = body.readUInt16BE(paramsEnd);
  const signature = body.subarray(paramsEnd + 4, paramsEnd + 4 + body.readUInt16BE(paramsEnd + 2));
  return {
    scheme,
    signature,
    data: Buffer.concat([cipher.localRandom.serialize(), cipher.remoteRandom.serialize(), body.subarray(0, paramsEnd)]),
  };
}

/** RFC 5246 section 7.4.8: everything that was said before this message. */
function certificateVerify({ dtls }: DtlsSocket): Signed {
  const messages = dtls.sortedHandshakeCache;
  const body = messages.find((message) => message.msg_type === CERTIFICATE_VERIFY)?.fragment;
  if (!body || body.length < 4) throw new Error('the certificate verify message is missing');
  const before = messages.filter(({ msg_type }) => msg_type !== CERTIFICATE_VERIFY && msg_type !== FINISHED);
  return {
    scheme: body.readUInt16BE(0),
    signature: body.subarray(4, 4 + body.readUInt16BE(2)),
    data: Buffer.concat(before.map((message) => message.serialize())),
  };
}
