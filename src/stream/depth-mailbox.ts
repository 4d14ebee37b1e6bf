import type { LiveDepth } from './live-depth.ts';
import { Mailbox } from './mailbox.ts';

/** The newest map that waits for a sink: held from `put` on, and released when it loses its place. What is consumed, the sink releases. */
export class DepthMailbox extends Mailbox<LiveDepth> {
  /** @param dropped is told of each map that loses its place */
  constructor(consume: (depth: LiveDepth) => Promise<void>, dropped: () => void = () => {}) {
    super(consume, (depth) => {
      dropped();
      depth.release();
    });
  }

  override put(depth: LiveDepth): void {
    super.put(depth.retain());
  }
}
