/**
 * Runs an asynchronous sequence ahead of whoever takes from it, by at most `depth` items. When the taker leaves early,
 * `discard` gets what was made and not taken.
 */
export async function* prefetch<T>(
  items: AsyncIterable<T>,
  depth: number,
  discard: (item: T) => void,
): AsyncGenerator<T> {
  const iterator = items[Symbol.asyncIterator]();
  const made: Promise<IteratorResult<T>>[] = [];
  let last: Promise<unknown> = Promise.resolve();
  const make = () => {
    const next = last.then(() => iterator.next());
    // Whoever takes it sees the failure; until then nobody waits for it.
    last = next.catch(() => {});
    made.push(next);
    next.catch(() => {});
  };
  try {
    for (let i = 0; i < depth; i++) make();
    for (;;) {
      const { done, value } = await made.shift()!;
      if (done) return;
      make();
      yield value;
    }
  } finally {
    for (const item of await Promise.allSettled(made))
      if (item.status === 'fulfilled' && !item.value.done) discard(item.value.value);
    await iterator.return?.();
  }
}
