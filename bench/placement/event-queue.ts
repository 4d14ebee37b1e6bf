interface Entry {
  at: number;
  order: number;
  run(): void;
}

/** Events in simulated time: a binary heap, the earliest first, and of those of one time the one that was put in first. */
export class EventQueue {
  readonly #heap: Entry[] = [];
  #order = 0;
  now = 0;

  at(time: number, run: () => void): void {
    const heap = this.#heap;
    let i = heap.push({ at: time, order: this.#order++, run }) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!before(heap[i]!, heap[parent]!)) break;
      [heap[i], heap[parent]] = [heap[parent]!, heap[i]!];
      i = parent;
    }
  }

  /** Runs what is due before `end`; `each` is called after every whole second of simulated time. */
  run(end: number, each: (second: number) => void = () => {}): void {
    for (let next = this.#heap[0]; next !== undefined && next.at < end; next = this.#heap[0]) {
      while (Math.floor(this.now) < Math.floor(next.at)) {
        this.now = Math.floor(this.now) + 1;
        each(this.now);
      }
      this.#pop();
      this.now = next.at;
      next.run();
    }
    this.now = end;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    heap[0] = last;
    for (let i = 0; ; ) {
      const [left, right] = [2 * i + 1, 2 * i + 2];
      let least = i;
      if (left < heap.length && before(heap[left]!, heap[least]!)) least = left;
      if (right < heap.length && before(heap[right]!, heap[least]!)) least = right;
      if (least === i) return;
      [heap[i], heap[least]] = [heap[least]!, heap[i]!];
      i = least;
    }
  }
}

const before = (a: Entry, b: Entry): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);
