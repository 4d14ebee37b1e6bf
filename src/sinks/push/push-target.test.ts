import { setTimeout as sleep } from 'node:timers/promises';
import * as av from 'node-av';
import { expect, it } from 'vitest';
import { freePort } from '../../../test/support/free-port.ts';
import { openPushed } from '../../../test/support/pushed-stream.ts';
import { PushTarget } from './push-target.ts';

it('says of an SRT receiver that it is not there, and later that it went', { timeout: 120_000 }, async () => {
  const port = await freePort();
  const problems: string[] = [];
  const target = new PushTarget(`srt://127.0.0.1:${port}`, {
    onLive: () => {},
    onLost: ({ detail }) => void problems.push(detail!),
  });
  const { sink, push } = openPushed(target);
  let frames = 0;
  const until = async (done: () => boolean) => {
    while (!done()) {
      // Nothing is encoded while it waits.
      await push(frames++ / 10, (frames % 8) / 8);
      await sleep(100);
    }
  };
  try {
    await until(() => problems.length > 0);
    expect(problems).toEqual([`no receiver answers at 127.0.0.1:${port} (connecting: Input/output error)`]);
    expect(target.status.problem?.message).toContain('no receiver answers');

    const reader = new av.FormatContext();
    reader.allocContext();
    const opening = reader.openInput(`srt://127.0.0.1:${port}?mode=listener&timeout=60000000`, null, null);
    let opened: number | undefined;
    void opening.then((code) => {
      opened = code;
    });
    await until(() => opened !== undefined);
    expect(opened).toBe(0);
    problems.length = 0;
    await reader.closeInput();
    await until(() => problems.length > 0);
    expect(problems).toEqual(['the receiver went (sending: Input/output error)']);
  } finally {
    sink.close();
  }
});
