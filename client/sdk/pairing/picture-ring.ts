/** A sent picture as the worker gives it: its bytes, or an ImageBitmap where the browser does not show them. */
export interface SentPicture {
  rtpTimestamp: number;
  /** Pixels. */
  width: number;
  height: number;
  buffer?: ArrayBuffer;
  format?: VideoPixelFormat;
  layout?: PlaneLayout[];
  colorSpace?: VideoColorSpaceInit;
  bitmap?: ImageBitmap;
  /** When it was there, on the clock of `performance.now()`. */
  sentAt: number;
}

/** Serial number arithmetic over 32 bits (RFC 1982): whether `a` comes after `b`. */
const isNewer = (a: number, b: number): boolean => ((a - b) | 0) > 0;

/** The last pictures that were sent, by their RTP timestamp; oldest first. */
export class PictureRing {
  readonly #pictures: SentPicture[] = [];
  readonly #capacity: number;
  readonly #drop: (picture: SentPicture) => void;

  /** @param drop takes what leaves the ring */
  constructor(capacity: number, drop: (picture: SentPicture) => void) {
    this.#capacity = capacity;
    this.#drop = drop;
  }

  get newest(): SentPicture | undefined {
    return this.#pictures.at(-1);
  }

  push(picture: SentPicture): void {
    this.#pictures.push(picture);
    if (this.#pictures.length > this.#capacity) this.#drop(this.#pictures.shift()!);
  }

  /** The picture of exactly this RTP timestamp. */
  get(rtpTimestamp: number): SentPicture | undefined {
    return this.#pictures.find((picture) => picture.rtpTimestamp === rtpTimestamp);
  }

  /** Whether a picture of this RTP timestamp may still come: nothing newer has. */
  mayCome(rtpTimestamp: number): boolean {
    const { newest } = this;
    return newest === undefined || isNewer(rtpTimestamp, newest.rtpTimestamp);
  }

  /** Forgets all that is older than this picture: depth comes in order. */
  forgetBefore({ rtpTimestamp }: SentPicture): void {
    while (this.#pictures[0] && isNewer(rtpTimestamp, this.#pictures[0].rtpTimestamp))
      this.#drop(this.#pictures.shift()!);
  }

  clear(): void {
    for (const picture of this.#pictures.splice(0)) this.#drop(picture);
  }
}
