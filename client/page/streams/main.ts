import { ADVICE } from '../advice.ts';
import { byId } from '../dom.ts';
import { carryToken, HERE, TOKEN } from '../here.ts';
import { StreamCard, type StreamInfo } from './stream-card.ts';

/** Milliseconds between two looks at the list. */
const LIST_MS = 3000;
/** Between two thumbnails of a stream; with many streams longer, so that the server's limit of requests is far. */
const PICTURE_MS = 3000;
const PICTURES_A_SECOND = 4;

const headers: Record<string, string> = TOKEN === undefined ? {} : { authorization: `Bearer ${TOKEN}` };
const cards = new Map<string, StreamCard>();
const seen = new Set<StreamCard>();
const observer = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    const card = [...cards.values()].find(({ element }) => element === target);
    if (card && isIntersecting) seen.add(card);
    else if (card) seen.delete(card);
  }
});

/** What the server refuses says why. */
async function look(): Promise<void> {
  const problem = byId('problem', HTMLElement);
  try {
    const answer = await fetch(new URL('api/streams', HERE), { headers });
    const body = (await answer.json()) as { streams: StreamInfo[]; code?: string; message?: string };
    if (!answer.ok) {
      const { code = '', message = answer.statusText } = body;
      tell(message, ADVICE[code] ?? '');
      return;
    }
    problem.hidden = true;
    show(body.streams);
  } catch {
    tell('The server cannot be reached.', 'It is asked again every few seconds.');
  }
}

function tell(message: string, advice: string): void {
  byId('problem', HTMLElement).hidden = false;
  byId('problem-message', HTMLElement).textContent = message;
  byId('problem-advice', HTMLElement).textContent = advice;
  byId('count', HTMLElement).textContent = 'What is live is not known now.';
}

function show(streams: StreamInfo[]): void {
  const list = byId('streams', HTMLUListElement);
  const names = new Set(streams.map(({ name }) => name));
  for (const [name, card] of cards)
    if (!names.has(name)) {
      observer.unobserve(card.element);
      seen.delete(card);
      card.remove();
      cards.delete(name);
    }
  streams.forEach((stream, place) => {
    let card = cards.get(stream.name);
    if (!card) {
      card = new StreamCard(stream.name);
      cards.set(stream.name, card);
      observer.observe(card.element);
    }
    card.show(stream);
    if (list.children[place] !== card.element) list.insertBefore(card.element, list.children[place] ?? null);
  });
  const count = streams.length === 0 ? 'None' : streams.length === 1 ? 'One stream' : `${streams.length} streams`;
  const element = byId('count', HTMLElement);
  if (element.textContent !== count) element.textContent = count;
  byId('none', HTMLElement).hidden = streams.length > 0;
}

/** Runs again and again, as long as somebody looks. */
async function repeat(work: () => Promise<number>): Promise<never> {
  for (;;) {
    const pause = await work();
    await new Promise((resolve) => setTimeout(resolve, pause));
    if (document.hidden)
      await new Promise((resolve) => document.addEventListener('visibilitychange', resolve, { once: true }));
  }
}

for (const element of document.querySelectorAll<HTMLElement>('[data-address]'))
  element.textContent = new URL(element.dataset['address']!, HERE).href;
carryToken();
void repeat(async () => {
  await look();
  return LIST_MS;
});
void repeat(async () => {
  const wanted = [...seen];
  await Promise.all(wanted.map((card) => card.refresh(headers)));
  return wanted.length === 0 ? 250 : Math.max(PICTURE_MS, (1000 * wanted.length) / PICTURES_A_SECOND);
});
