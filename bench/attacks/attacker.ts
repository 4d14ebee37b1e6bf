// One attacker in a process of its own: attacker.ts NAME URL ADDRESS BITS_PER_SECOND SECONDS BYTES
import { once } from 'node:events';
import { Target } from './attack.ts';
import { ATTACKS, IDLE } from './list.ts';

const TELL_MS = 250;
const [name, url, address, rate, seconds, bytes] = process.argv.slice(2);
process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
// The attacker's own stack meets answers that it did not ask for.
process.on('unhandledRejection', () => {}).on('uncaughtException', () => {});
const attack = [IDLE, ...ATTACKS].find((one) => one.name === name);
if (attack === undefined || url === undefined || address === undefined) throw new Error(`no attack named ${name}`);
// Loading all this takes a busy machine seconds, which are not the attack's.
process.send?.('ready');
await once(process, 'message');
const target = new Target(url, address, Number(rate), Number(seconds), Number(bytes));
const tell = () => process.send?.(target.tally);
setInterval(tell, TELL_MS).unref();
setTimeout(() => process.exit(0), Number(seconds) * 1000 + 5000).unref();
await attack.run(target);
process.send?.(target.tally, () => process.exit(0));
