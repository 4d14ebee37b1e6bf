import type { RawData } from 'ws';
import { config, locales } from 'zod';
import { DepthcastError } from '../errors.ts';
import { type ClientMessage, clientMessage } from '../protocol/messages.ts';

// The schemas of both sides bring no sentences along.
config(locales.en());

/** Messages that a client may send within RATE_MS; trickled candidates come in bursts. */
export const RATE_LIMIT = 200;
const RATE_MS = 10_000;
/** Largest message, bytes: an SDP offer of 64 KiB, escaped. */
const MAX_MESSAGE = 160 * 1024;
/** Beyond this the socket is closed (1009) without an error message, before the message is read to its end. */
export const MAX_PAYLOAD = 4 * MAX_MESSAGE;

/** Reads one client's messages: how many, and what they say. */
export class MessageReader {
  /** What the last message said it was, even where it cannot be read further. */
  kind: unknown;
  #count = 0;
  #since = performance.now();

  /** @throws DepthcastError BAD_MESSAGE for one that does not follow the protocol, or is one too many */
  read(data: RawData, isBinary: boolean): ClientMessage {
    this.kind = undefined;
    this.#countOne();
    if (isBinary) throw new DepthcastError('BAD_MESSAGE', { detail: 'messages are text' });
    const text = String(data);
    if (text.length > MAX_MESSAGE)
      throw new DepthcastError('BAD_MESSAGE', { detail: `longer than ${MAX_MESSAGE / 1024} KiB` });
    let tree: unknown;
    try {
      tree = JSON.parse(text);
    } catch (thrown) {
      throw new DepthcastError('BAD_MESSAGE', { detail: 'not JSON', cause: thrown });
    }
    this.kind = (tree as { type?: unknown } | null)?.type;
    const result = clientMessage.safeParse(tree);
    if (result.success) return result.data;
    const issue = result.error.issues[0]!;
    throw new DepthcastError('BAD_MESSAGE', { detail: `${issue.path.join('.') || 'message'}: ${issue.message}` });
  }

  #countOne(): void {
    const now = performance.now();
    if (now - this.#since > RATE_MS) {
      this.#count = 0;
      this.#since = now;
    }
    if (++this.#count > RATE_LIMIT)
      throw new DepthcastError('BAD_MESSAGE', { detail: `more than ${RATE_LIMIT} messages in ${RATE_MS / 1000} s` });
  }
}
