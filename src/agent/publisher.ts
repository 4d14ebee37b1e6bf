import { EventEmitter } from 'node:events';
import {
  ConnectionState,
  type RemoteTrack,
  type RemoteTrackPublication,
  type Room,
  RoomEvent,
  TrackKind,
  TrackSource,
} from '@livekit/rtc-node';
import { ATTRIBUTE } from './settings.ts';

/** A publisher that is away for longer has left: a page that is loaded again comes back. */
const GRACE_MS = 15_000;
/** Attributes that change one after the other are taken together. */
const SETTLE_MS = 200;

interface PublisherEvents {
  /** The chosen video can be read; another one takes the place of the one before. */
  video: [track: RemoteTrack, publication: RemoteTrackPublication];
  /** Its settings may have changed. */
  attributes: [attributes: Record<string, string>];
  left: [reason: string];
}

export interface PublisherOptions {
  identity: string;
  /** After so long without video it counts as gone. */
  idleMs: number;
}

/** One publisher as its room shows it: which of its videos depth is made of, its attributes, and when it has left. */
export class Publisher extends EventEmitter<PublisherEvents> {
  readonly #room: Room;
  readonly #options: PublisherOptions;
  /** Of the one publication that is subscribed. */
  #chosen: string | undefined;
  #settle: NodeJS.Timeout | undefined;
  #gone: NodeJS.Timeout | undefined;
  #idle: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(room: Room, options: PublisherOptions) {
    super();
    this.#room = room;
    this.#options = options;
    const own = (participant: { identity: string } | undefined) => participant?.identity === options.identity;
    const follow = (participant: { identity: string } | undefined) => own(participant) && this.follow();
    room.on(RoomEvent.TrackPublished, (_, participant) => follow(participant));
    room.on(RoomEvent.TrackUnpublished, (_, participant) => follow(participant));
    room.on(RoomEvent.ParticipantConnected, follow);
    room.on(RoomEvent.ParticipantDisconnected, follow);
    room.on(RoomEvent.Reconnected, () => this.follow());
    room.on(RoomEvent.TrackSubscribed, (track, publication, participant) => {
      if (own(participant) && publication.sid === this.#chosen && !this.#closed)
        this.emit('video', track, publication as RemoteTrackPublication);
    });
    room.on(RoomEvent.ParticipantAttributesChanged, (changed, participant) => {
      if (own(participant) && Object.keys(changed).some((key) => key.startsWith(ATTRIBUTE))) this.#takeAttributes();
    });
  }

  get attributes(): Record<string, string> {
    return this.#room.remoteParticipants.get(this.#options.identity)?.attributes ?? {};
  }

  /** Looks where it is and what it sends; gives it time to come back. */
  follow(): void {
    if (this.#closed) return;
    const participant = this.#room.remoteParticipants.get(this.#options.identity);
    const publications = [...(participant?.trackPublications.values() ?? [])] as RemoteTrackPublication[];
    this.#choose(publications);
    if (participant === undefined) this.#gone ??= setTimeout(() => this.#missed(), GRACE_MS);
    else this.#gone = stop(this.#gone);
    if (participant !== undefined && this.#chosen === undefined)
      this.#idle ??= setTimeout(() => this.#leave('no video'), this.#options.idleMs);
    else this.#idle = stop(this.#idle);
  }

  /** Tells nothing any more. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#settle = stop(this.#settle);
    this.#gone = stop(this.#gone);
    this.#idle = stop(this.#idle);
  }

  #choose(publications: RemoteTrackPublication[]): void {
    const chosen = chooseVideo(publications, this.#chosen);
    this.#chosen = chosen?.sid;
    for (const publication of publications)
      if (publication !== chosen && publication.subscribed) publication.setSubscribed(false);
    if (chosen && !chosen.subscribed) chosen.setSubscribed(true);
  }

  #takeAttributes(): void {
    this.#settle ??= setTimeout(() => {
      this.#settle = undefined;
      this.emit('attributes', this.attributes);
    }, SETTLE_MS);
  }

  #missed(): void {
    this.#gone = undefined;
    // Everybody seems to have left while the room reconnects.
    if (this.#room.connectionState === ConnectionState.CONN_CONNECTED) this.#leave('the publisher left');
    else this.follow();
  }

  #leave(reason: string): void {
    this.close();
    this.emit('left', reason);
  }
}

type Candidate = Pick<RemoteTrackPublication, 'sid' | 'kind' | 'source'>;

/**
 * The one video that depth is made of: the one it is made of already, while that is there, else the camera, else one that
 * does not say what it is. Screens are left alone.
 */
export function chooseVideo<T extends Candidate>(
  publications: readonly T[],
  before: string | undefined,
): T | undefined {
  const of = (wanted: TrackSource) =>
    publications.find(({ kind, source }) => kind === TrackKind.KIND_VIDEO && source === wanted);
  const kept = before === undefined ? undefined : publications.find(({ sid }) => sid === before);
  return kept ?? of(TrackSource.SOURCE_CAMERA) ?? of(TrackSource.SOURCE_UNKNOWN);
}

function stop(timer: NodeJS.Timeout | undefined): undefined {
  clearTimeout(timer);
}
