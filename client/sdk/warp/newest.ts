import type { ReceivedFrame } from '../frames.ts';
import type { Pair } from '../pairing/pairing.ts';
import type { DepthSession } from '../session.ts';
import type { SmallPicture } from './flow.ts';
import { DepthWarp, smallPicture } from './warp.ts';

/** Depth for the newest picture of a session's source. */
export interface Newest {
  /** Plays the source: its present picture is the one that the depth was carried over to. */
  picture: HTMLVideoElement;
  /** The last pair's, each value moved to where the picture now shows what it is of. Its memory is used again with the next picture. */
  depth: ReceivedFrame;
  /** Milliseconds since the picture was captured that the network saw. */
  ageMs: number;
}

/**
 * Depth without its latency, for AR: with each new picture of the session's source the depth of its last pair is carried over to that
 * picture by the motion between the two. Needs pairs (`pairing: true`, or `onPair`); costs milliseconds of CPU a picture, on the
 * thread that calls it (`npm run bench -- warp`).
 * @param listener is called with each new picture, from the first pair on
 * @returns ends it
 */
export function followNewest(session: DepthSession, listener: (newest: Newest) => void): () => void {
  const video = Object.assign(document.createElement('video'), { muted: true, playsInline: true });
  const warp = new DepthWarp();
  const [before, now] = [new Shrinker(), new Shrinker()];
  let last: { depth: ReceivedFrame; small: SmallPicture; age: number; at: number } | undefined;
  let ended = false;

  const show = (stream: MediaStream) => {
    last = undefined;
    video.srcObject = stream;
    // Where the page may not play yet, it begins with the next source or a gesture of the page's.
    video.play().catch(() => {});
  };
  const take = ({ picture, depth, ageMs }: Pair) => {
    if (depth.values.length === 0) return;
    last = { depth, small: before.take(picture, depth), age: ageMs, at: performance.now() };
  };
  // Of its first depth: what was negotiated is known then.
  const stopChecking = session.on('depth', () => {
    stopChecking();
    if (session.pairs === undefined)
      throw new TypeError('depth for the newest picture needs pairs: connect({ pairing: true })');
  });
  const draw = () => {
    if (ended) return;
    video.requestVideoFrameCallback(draw);
    if (!last) return;
    const { depth, small, age, at } = last;
    const values = warp.warp(depth, small, now.take(video, depth));
    listener({ picture: video, depth: { ...depth, values }, ageMs: age + performance.now() - at });
  };
  const stops = [
    session.on('pair', take),
    session.on('source', ({ stream }) => show(stream)),
    stopChecking,
    // A reconnect gives depth of a new connection; what is there stays until then.
    session.on('state', ({ name }) => (name === 'closed' || name === 'failed') && stop()),
  ];
  const stop = () => {
    ended = true;
    for (const one of stops) one();
    video.srcObject = null;
  };
  if (session.source) show(session.source.stream);
  video.requestVideoFrameCallback(draw);
  return stop;
}

/** The search for motion reaches so far in pictures of this side (pixels), and its time grows with their pixels. */
const MAX_SIDE = 256;

/** Pictures as small gray ones of a map's shape. */
class Shrinker {
  #pen: OffscreenCanvasRenderingContext2D | undefined;
  #small: SmallPicture | undefined;

  /** @returns valid until the next call */
  take(picture: CanvasImageSource, map: { width: number; height: number }): SmallPicture {
    const shrink = Math.min(1, MAX_SIDE / Math.max(map.width, map.height));
    const [width, height] = [Math.round(map.width * shrink), Math.round(map.height * shrink)];
    if (this.#pen?.canvas.width !== width || this.#pen.canvas.height !== height)
      this.#pen = new OffscreenCanvas(width, height).getContext('2d', { alpha: false, willReadFrequently: true })!;
    this.#pen.drawImage(picture, 0, 0, width, height);
    const { data } = this.#pen.getImageData(0, 0, width, height);
    this.#small = smallPicture(data, width, height, width, this.#small);
    return this.#small;
  }
}
