import type { DepthMap, InferenceTimings, NetworkImage } from '../depth/types.ts';
import { StillPictures } from './still-pictures.ts';

/** Pictures that go to the network behind a reset: by then its memory holds what it looks back to, or most of it. */
const WARM_UP = 8;
const NO_TIME: InferenceTimings = { queue: 0, preprocess: 0, inference: 0, inferenceShared: 0, postprocess: 0 };

/** A map that stands for several pictures; its memory goes back when the last of them is done with. */
class SharedMap {
  readonly #map: DepthMap;
  #users = 1;

  constructor(map: DepthMap) {
    this.#map = map;
  }

  /** For the picture that it was made of. */
  first(): DepthMap {
    return { ...this.#map, origin: this, release: this.#user() };
  }

  /** For a picture that is like that one. */
  again(): DepthMap {
    return { ...this.#map, origin: this, reset: undefined, timings: NO_TIME, release: this.#user() };
  }

  release(): void {
    if (--this.#users === 0) this.#map.release();
  }

  #user(): () => void {
    let held = true;
    this.#users++;
    return () => {
      if (held) this.release();
      held = false;
    };
  }
}

/** Depth of the last picture for those after it that do not differ from it by more than noise. */
export class DepthReuse {
  readonly #still = new StillPictures();
  #held: SharedMap | undefined;
  /** Pictures that the network has seen since its last reset, or since it was told something else. */
  #seen = 0;
  /** What is at the network now may not stand for later pictures. */
  #stale = false;

  /**
   * Depth for a picture that need not go to the network; undefined where it does, and `keep` gets what comes of it.
   * @param image as it goes there, not normalised; only read
   * @param time media time in seconds
   */
  take(image: NetworkImage, time: number): DepthMap | undefined {
    if (this.#held && this.#still.isSame(image, time) && this.#seen >= WARM_UP) return this.#held.again();
    this.#drop();
    this.#still.keep(image, time);
    this.#stale = false;
    return undefined;
  }

  /** @returns the map as it goes on */
  keep(map: DepthMap): DepthMap {
    this.#seen = map.reset ? 1 : this.#seen + 1;
    if (this.#stale) return map;
    this.#held = new SharedMap(map);
    return this.#held.first();
  }

  /** The next pictures go to the network: it would make something else of them than before, and may take a few to get there. */
  forget(): void {
    this.#drop();
    this.#seen = 0;
    this.#stale = true;
    this.#still.forget();
  }

  #drop(): void {
    this.#held?.release();
    this.#held = undefined;
  }
}
