import type { UdpPort } from '../udp-port.ts';
import { type StunMessage, writeStun } from './stun.ts';

/** When a question that is not answered is asked again, ms after the one before; then it is given up. */
const WAITS_MS = [500, 1000, 2000, 4000];

interface Question {
  server: readonly [address: string, port: number];
  resolve: (mapped: { address: string; port: number }) => void;
}

/** Questions of our sockets to a STUN server: how they are seen from there. */
export class StunQuestions {
  readonly #waiting = new Map<string, Question>();
  readonly #timers = new Set<NodeJS.Timeout>();

  /** @throws where the server does not answer */
  ask(port: UdpPort, server: Question['server']): Promise<{ address: string; port: number }> {
    const packet = writeStun({ kind: 'request' });
    const id = packet.toString('hex', 8, 20);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { server, resolve });
      const attempt = (n: number) => {
        if (!this.#waiting.has(id)) return;
        const wait = WAITS_MS[n];
        if (wait === undefined) {
          this.#waiting.delete(id);
          reject(new Error('the STUN server did not answer'));
          return;
        }
        port.sendTo(packet, server[1], server[0]);
        const timer = setTimeout(() => {
          this.#timers.delete(timer);
          attempt(n + 1);
        }, wait);
        this.#timers.add(timer);
      };
      attempt(0);
    });
  }

  /** @returns whether the message answers a question of ours */
  receive({ kind, id, mapped }: StunMessage, address: string, port: number): boolean {
    const question = this.#waiting.get(id);
    if (!question || question.server[0] !== address || question.server[1] !== port) return false;
    if (kind !== 'response' || mapped === undefined) return false;
    this.#waiting.delete(id);
    question.resolve(mapped);
    return true;
  }

  close(): void {
    this.#waiting.clear();
    for (const timer of this.#timers) clearTimeout(timer);
  }
}
