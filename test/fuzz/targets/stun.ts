import { classes, Message, methods } from 'werift';
import { isAuthenticRequest, isNomination, stunClass, transactionId } from '../../../src/webrtc/ice/stun.ts';
import { damagedBytes } from '../mutate.ts';
import { defineTarget } from '../target.ts';

const PASSWORD = 'p'.repeat(24);
function request(): Buffer {
  const message = new Message(methods.BINDING, classes.REQUEST);
  message.setAttribute('USERNAME', 'ours:theirs').setAttribute('PRIORITY', 7).setAttribute('ICE-CONTROLLING', 1n);
  message.setAttribute('USE-CANDIDATE', null);
  message.addMessageIntegrity(Buffer.from(PASSWORD)).addFingerprint();
  return message.bytes;
}
function response(): Buffer {
  const message = new Message(methods.BINDING, classes.RESPONSE);
  message.setAttribute('XOR-MAPPED-ADDRESS', ['192.0.2.1', 4000]);
  message.addMessageIntegrity(Buffer.from(PASSWORD)).addFingerprint();
  return message.bytes;
}
const VALID = [request(), response()];
const INTEGRITY = VALID[0]!.length - 8;

export default defineTarget({
  name: 'stun',
  about: 'STUN messages: shape, authenticity, nomination',
  inputs: () => damagedBytes(VALID),
  read: (packet) => {
    const kind = stunClass(packet);
    if (kind === undefined) return false;
    transactionId(packet);
    const authentic = isAuthenticRequest(packet, (ufrag) => (ufrag === 'ours' ? PASSWORD : undefined));
    isNomination(packet);
    // What the integrity covers cannot have been changed, its length field aside.
    const original = VALID[0]!;
    if (authentic && !packet.subarray(4, INTEGRITY).equals(original.subarray(4, INTEGRITY)))
      throw new Error('a forged request was taken for authentic');
    return authentic;
  },
});
