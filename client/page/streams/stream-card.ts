import { make } from '../dom.ts';
import { HERE } from '../here.ts';
import { perSecond, SLOW_RATE } from '../pace.ts';
import { KNOWN_MS, StreamRate } from './stream-rate.ts';

/** A stream as `/api/streams` tells of it. */
export interface StreamInfo {
  name: string;
  from: 'whip' | 'source' | 'scene';
  state: 'live' | 'waiting';
  since: number;
  unit: 'disparity' | 'metres';
  width: number;
  height: number;
  /** Depth maps made so far. */
  frames: number;
  viewers: number;
  /** Addresses of this server's pages of the stream, relative to its root. */
  pages: string[];
}

const FROM = {
  whip: 'Sent by an encoder or a browser',
  source: 'A camera or file that the server opens',
  scene: 'A synthetic scene of the server',
};
const PAGE_NAMES: Record<string, string> = {
  desk: 'Desk',
  key: 'Key',
  matte: 'Matte',
  fill: 'Fill',
  both: 'Picture and key',
};

/** One stream: its latest depth, what is known of it, and where it can be had. */
export class StreamCard {
  readonly element: HTMLLIElement;
  readonly #name: string;
  readonly #image = make('img', { alt: '' });
  readonly #empty = make('p', {}, 'No depth yet');
  readonly #facts = make('p');
  readonly #use = make('p', { className: 'dim' });
  readonly #links = make('div', { className: 'links' });
  #url: string | undefined;
  #pages: string | undefined;
  readonly #rate = new StreamRate();
  readonly #seenAt = performance.now();

  constructor(name: string) {
    this.#name = name;
    this.#image.alt = `Latest depth of ${name}`;
    this.#image.hidden = true;
    this.element = make(
      'li',
      { className: 'stream' },
      make('div', { className: 'picture' }, this.#image, this.#empty),
      make('div', { className: 'text' }, make('h2', {}, name), this.#facts, this.#use, this.#links),
    );
  }

  show({ from, state, unit, width, height, frames, viewers, pages, since }: StreamInfo): void {
    this.element.classList.toggle('live', state === 'live');
    const size = width > 0 ? `, ${width}\u00a0×\u00a0${height}` : '';
    set(this.#facts, `${FROM[from]}${size}`);
    const watched = viewers === 0 ? 'nobody watches' : viewers === 1 ? 'one viewer' : `${viewers} viewers`;
    const rate = this.#rate.take(state === 'live', frames, performance.now());
    const slow = rate !== undefined && rate < SLOW_RATE;
    this.element.classList.toggle('slow', slow);
    if (frames === 0 && performance.now() - this.#seenAt > KNOWN_MS)
      set(
        this.#empty,
        width === 0
          ? 'No picture has come yet'
          : 'Pictures come, but no depth: the server is busy, or too weak for this',
      );
    const waits =
      state === 'live' ? `since ${new Date(since).toLocaleTimeString([], { timeStyle: 'short' })}` : 'waits';
    const pace = slow ? `, slow: ${perSecond(rate)}` : '';
    set(this.#use, `${waits}${pace}, ${watched}, ${unit === 'metres' ? 'in metres' : 'relative depth'}`);
    if (this.#pages === pages.join()) return;
    this.#pages = pages.join();
    this.#links.replaceChildren(...pages.map((page) => this.#link(page)), this.#copy());
  }

  /** Shows the latest depth, or leaves what is there. */
  async refresh(headers: Record<string, string>): Promise<void> {
    try {
      const answer = await fetch(new URL(`api/streams/${this.#name}/thumbnail`, HERE), { headers });
      if (!answer.ok) {
        const { message = 'No picture' } = (await answer.json()) as { message?: string };
        set(this.#empty, message);
      }
      if (answer.status !== 200) return;
      const url = URL.createObjectURL(await answer.blob());
      this.#image.src = url;
      await this.#image.decode();
      if (this.#url) URL.revokeObjectURL(this.#url);
      this.#url = url;
      this.#image.hidden = false;
      this.#empty.hidden = true;
    } catch {
      // The list tells when the server is away.
    }
  }

  remove(): void {
    this.element.remove();
    if (this.#url) URL.revokeObjectURL(this.#url);
  }

  #link(page: string): HTMLAnchorElement {
    const kind = page.split('/')[0] ?? '';
    const link = make('a', { href: new URL(page, HERE).href }, PAGE_NAMES[kind] ?? kind);
    link.hash = location.hash;
    link.setAttribute('aria-label', `${link.textContent} of ${this.#name}`);
    return link;
  }

  /** The address for players. */
  #copy(): HTMLButtonElement {
    const text = 'Copy the WHEP address';
    const button = make('button', { type: 'button' }, text);
    button.setAttribute('aria-label', `${text} of ${this.#name}`);
    button.addEventListener('click', async () => {
      const address = new URL(`whep/${this.#name}`, HERE).href;
      try {
        await navigator.clipboard.writeText(address);
        button.textContent = 'Copied';
      } catch {
        // Pages without https may not copy: then it is there to be read.
        button.textContent = address;
      }
      setTimeout(() => {
        button.textContent = text;
      }, 4000);
    });
    return button;
  }
}

function set(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
