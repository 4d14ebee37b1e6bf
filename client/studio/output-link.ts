import type { MatteChange, MatteSettings } from '../../src/protocol/matte.ts';

/** As `GET /api/streams/NAME/output` answers. */
export interface OutputReport {
  live: boolean;
  settings: MatteSettings;
  presets: Record<string, MatteSettings>;
  keptIn: 'file' | 'memory';
  metres: boolean;
  viewers: number;
  tracks: { layout: string; codec: string; viewers: number }[];
  framesIn: number;
  framesOut: number;
  framesDropped: number;
  latency: { p50: number; p95: number };
}

export interface OutputLinkListener {
  report(report: OutputReport): void;
  /** A request was refused or not answered; undefined when all is well again. */
  problem(message: string | undefined): void;
}

const POLL_MS = 1000;
/** ms between changes that are sent, at least: a server takes 600 requests a minute of an address (limits.requestsPerMinute). */
const SEND_MS = 150;
const REQUEST_MS = 5000;

/** The settings of one stream's output: followed once a second, and changed in the order in which a person changes them. */
export class OutputLink {
  readonly #url: URL;
  readonly #token: string | undefined;
  readonly #listener: OutputLinkListener;
  #waiting: MatteChange | undefined;
  #sending = false;
  /** Counts changes: an answer to what was asked before the last one is old. */
  #turn = 0;

  constructor(url: URL, token: string | undefined, listener: OutputLinkListener) {
    this.#url = url;
    this.#token = token;
    this.#listener = listener;
    void this.#poll();
  }

  /** A change is on its way. */
  get busy(): boolean {
    return this.#sending;
  }

  change(change: MatteChange): void {
    this.#waiting = { ...this.#waiting, ...change };
    if (!this.#sending) void this.#send();
  }

  recall(preset: string): void {
    void this.#ask('PUT', '', { preset });
  }

  savePreset(preset: string): Promise<boolean> {
    return this.#ask('PUT', `/presets/${encodeURIComponent(preset)}`, {});
  }

  async removePreset(preset: string): Promise<void> {
    await this.#ask('DELETE', `/presets/${encodeURIComponent(preset)}`);
    await this.#ask('GET', '');
  }

  async #send(): Promise<void> {
    this.#sending = true;
    while (this.#waiting) {
      const change = this.#waiting;
      this.#waiting = undefined;
      const pace = new Promise((resolve) => setTimeout(resolve, SEND_MS));
      await this.#ask('PUT', '', change);
      await pace;
    }
    this.#sending = false;
  }

  async #poll(): Promise<never> {
    for (;;) {
      if (!this.#sending) await this.#ask('GET', '');
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  async #ask(method: string, path: string, body?: object): Promise<boolean> {
    if (method !== 'GET') this.#turn++;
    const turn = this.#turn;
    const headers = {
      ...(this.#token ? { authorization: `Bearer ${this.#token}` } : {}),
      ...(body ? { 'content-type': 'application/json' } : {}),
    };
    try {
      const signal = AbortSignal.timeout(REQUEST_MS);
      const response = await fetch(this.#url + path, {
        method,
        headers,
        signal,
        ...(body && { body: JSON.stringify(body) }),
      });
      const answer =
        response.status === 204 ? undefined : ((await response.json()) as OutputReport & { message?: string });
      if (!response.ok) throw new Error(answer?.message ?? `HTTP ${response.status}`);
      this.#listener.problem(undefined);
      if (answer && turn === this.#turn) this.#listener.report(answer);
      return true;
    } catch (thrown) {
      const { name, message } = thrown as Error;
      const unreachable = name === 'TypeError' || name === 'TimeoutError';
      this.#listener.problem(unreachable ? 'The server cannot be reached. Trying again.' : message);
      // What a person sees is what is on air.
      if (method === 'PUT' && !unreachable && path === '') void this.#ask('GET', '');
      return false;
    }
  }
}
