import { DepthError } from './errors.ts';
import { DepthSession } from './session.ts';
import type { SessionOptions, SessionState } from './types.ts';

/**
 * Opens the source, connects, and resolves once depth can flow.
 * Makes one attempt and rejects with a DepthError when it fails; after later losses it reconnects as `retry` says.
 */
export async function connect(options: SessionOptions & { signal?: AbortSignal }): Promise<DepthSession> {
  const session = new DepthSession(options);
  const { signal } = options;
  return new Promise((resolve, reject) => {
    const abort = () => session.close();
    const settle = (state: SessionState) => {
      if (state.name === 'connecting') return;
      signal?.removeEventListener('abort', abort);
      stop();
      if (state.name === 'live') return resolve(session);
      reject('error' in state ? state.error : new DepthError('CLOSED'));
      session.close();
    };
    const stop = session.on('state', settle);
    signal?.addEventListener('abort', abort);
    if (signal?.aborted) abort();
  });
}
