import { expect, it } from 'vitest';
import { pushProblem } from './push-problem.ts';

const SRT = 'srt://user:secret@10.0.0.20:9001?passphrase=secret-secret';

it('says that nobody answers, or that the receiver went, and no secret', () => {
  expect(pushProblem('connecting', SRT, 'Input/output error')).toBe(
    'no receiver answers at 10.0.0.20:9001 (connecting: Input/output error)',
  );
  expect(pushProblem('sending', SRT, 'Input/output error')).toBe('the receiver went (sending: Input/output error)');
});

it('leaves what says enough as it is', () => {
  const words = 'Server returned 401 Unauthorized (authorization failed)';
  expect(pushProblem('connecting', 'srt://0.0.0.0:9001?mode=listener', 'Input/output error')).toBe(
    'connecting: Input/output error',
  );
  expect(pushProblem('connecting', 'rtsp://10.0.0.30/cam1', words)).toBe(`connecting: ${words}`);
});
