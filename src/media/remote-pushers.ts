import type { PushedOutputSettings } from '../config/pushed-output.ts';
import { fromPlain, toDepthcastError } from '../errors.ts';
import type { Pusher, PusherEvents } from '../session/pusher.ts';
import { type PushStatus, shownTarget } from '../sinks/push/push-target.ts';
import type { Ask, PushNews } from './protocol.ts';

interface Known {
  status: PushStatus;
  events: PusherEvents;
}

/** What a media worker sends of one stream, as the worker last told of it. */
export class RemotePushers {
  readonly #ask: Ask;
  readonly #known = new Map<number, Known>();
  #next = 0;

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  add(settings: PushedOutputSettings, events: PusherEvents): Pusher {
    const output = this.#next++;
    const counts = { connections: 0, frames: 0, dropped: 0 };
    const known: Known = { status: { ...shownTarget(settings.url), state: 'idle', ...counts, problem: null }, events };
    this.#known.set(output, known);
    this.#ask('send', { output, settings }).catch((thrown) => {
      // Of a worker that is gone its sessions tell.
      if (!this.#known.has(output)) return;
      const { code, message } = toDepthcastError(thrown);
      known.status = { ...known.status, problem: { code, message } };
      events.onNote(`not sent: ${message}`);
    });
    return {
      get status() {
        return known.status;
      },
      close: () => {
        // A session that is gone has closed it.
        if (this.#known.delete(output)) this.#ask('stopSending', output).catch(() => {});
      },
    };
  }

  look(outputs: readonly (readonly [output: number, status: PushStatus])[]): void {
    for (const [output, status] of outputs) {
      const known = this.#known.get(output);
      if (known) known.status = status;
    }
  }

  take(output: number, news: PushNews): void {
    const known = this.#known.get(output);
    if (!known) return;
    const { events } = known;
    if ('status' in news) known.status = news.status;
    if (news.event === 'live') events.onLive(news.status);
    else if (news.event === 'lost') events.onLost(fromPlain(news.error), news.retryMs);
    else events.onNote(news.what);
  }

  /** The stream has ended, and its worker has closed them. */
  forget(): void {
    this.#known.clear();
  }
}
