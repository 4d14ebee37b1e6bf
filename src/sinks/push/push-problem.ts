/** What FFmpeg says of a receiver that is not there, or no longer: SRT has one error for all of it. */
const AWAY = /^(Input\/output error|Broken pipe|Connection (refused|reset by peer|timed out)|Operation timed out)$/;

/**
 * Why an output is not sent, for whoever has to set it right.
 * @param words FFmpeg's
 */
export function pushProblem(step: 'connecting' | 'sending', url: string, words: string): string {
  const { host, searchParams } = new URL(url);
  const ffmpeg = `${step}: ${words}`;
  if (!AWAY.test(words)) return ffmpeg;
  if (step === 'sending') return `the receiver went (${ffmpeg})`;
  // One that listens calls nobody.
  if (searchParams.get('mode') === 'listener') return ffmpeg;
  return `no receiver answers at ${host} (${ffmpeg})`;
}
