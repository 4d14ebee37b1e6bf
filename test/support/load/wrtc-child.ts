// An independent WebRTC stack (libwebrtc through @roamhq/wrtc) as load: a number of two-way sessions that send a
// synthetic scene and count what comes back. Its own process, because the library crashes at a natural exit.
import wrtc from '@roamhq/wrtc';
import { decodeFrame, Reassembler } from '../../../src/protocol/index.ts';
import type { SessionStats } from '../../../src/protocol/messages.ts';
import { renderPictures, toAndFro } from './moving-pictures.ts';
import { httpSignalling, Refusal, type Signalling, wsSignalling } from './signalling.ts';
import type { FleetOptions, PeerReport } from './wrtc-fleet.ts';

const { RTCPeerConnection, nonstandard } = wrtc;
/** Played to and fro. */
const PICTURES = 60;

class LoadPeer {
  readonly report: PeerReport = {
    connected: false,
    frames: 0,
    packets: 0,
    badPackets: 0,
    epochs: 0,
    errors: [],
    refused: false,
    lastTimestamp: 0,
  };
  readonly source = new nonstandard.RTCVideoSource();
  readonly #pc = new RTCPeerConnection();
  readonly #signalling: Signalling;
  readonly #reassembler = new Reassembler();
  readonly #twoWay: boolean;
  readonly #hasData: boolean;
  #sink: { stop(): void } | undefined;

  constructor({ url, data, track, whip }: FleetOptions) {
    this.#twoWay = whip === undefined;
    this.#hasData = this.#twoWay && data !== 'off';
    const told = (text: string, fatal = true) => {
      this.report.errors.push(text);
      this.report.refused ||= fatal;
    };
    this.#signalling =
      whip !== undefined
        ? httpSignalling(`${url}/whip/${whip}`, undefined)
        : wsSignalling(url, {
            output: { track, ...(data === 'off' ? {} : { data }) },
            onEnd: told,
            onMessage: (message) => {
              if (message.type === 'stats') this.report.stats = message.stats as SessionStats;
              else if (message.type === 'error') told(`${message.code}: ${message.message}`, message.fatal);
            },
          });
    this.#pc.onconnectionstatechange = () => {
      this.report.connected = this.#pc.connectionState === 'connected';
    };
    this.#pc.ontrack = ({ track }) => {
      const sink = new nonstandard.RTCVideoSink(track);
      sink.onframe = () => {
        this.report.frames++;
      };
      this.#sink = sink;
    };
  }

  /** @throws where the server cannot be reached, or refuses; `report` has its reason then */
  async connect(): Promise<void> {
    if (this.#twoWay) this.#pc.addTrack(this.source.createTrack());
    else this.#pc.addTransceiver(this.source.createTrack(), { direction: 'sendonly' });
    if (this.#hasData) {
      const channel = this.#pc.createDataChannel('depth', { ordered: false, maxRetransmits: 0 });
      channel.binaryType = 'arraybuffer';
      channel.onmessage = ({ data }) => void this.#chunk(new Uint8Array(data as ArrayBuffer));
    }
    await this.#pc.setLocalDescription(await this.#pc.createOffer());
    await this.#gathered();
    const sdp = await this.#signalling.exchange(this.#pc.localDescription!.sdp);
    await this.#pc.setRemoteDescription({ type: 'answer', sdp });
  }

  close(): void {
    this.#sink?.stop();
    this.#pc.close();
    this.#signalling.close();
  }

  /** Offers with all candidates in them: fewer messages, one less thing to vary. */
  #gathered(): Promise<void> {
    return new Promise((resolve) => {
      const done = () => this.#pc.iceGatheringState === 'complete' && resolve();
      this.#pc.onicegatheringstatechange = done;
      done();
      setTimeout(resolve, 1000);
    });
  }

  async #chunk(bytes: Uint8Array): Promise<void> {
    try {
      const packet = this.#reassembler.push(bytes);
      if (packet === undefined) return;
      this.report.packets++;
      // Unpacking every map would load the machine that is being measured; one in 30 shows that they are whole.
      if (this.report.packets % 30 !== 1) return;
      const frame = await decodeFrame(packet);
      this.report.epochs = frame.epoch + 1;
      this.report.lastTimestamp = frame.rtpTimestamp;
    } catch {
      this.report.badPackets++;
    }
  }
}

process.once('message', (options: FleetOptions) => {
  const { width, height, fps } = options;
  const frames = [...renderPictures(options, PICTURES)].map(({ i420 }) => i420);
  const peers = Array.from({ length: options.peers }, () => new LoadPeer(options));
  for (const peer of peers)
    peer.connect().catch((thrown: Error) => {
      // Of a two-way session the server's own message has told it.
      if (options.whip !== undefined || !(thrown instanceof Refusal)) peer.report.errors.push(thrown.message);
      peer.report.refused = true;
    });
  const startedAt = performance.now();
  // As cameras do, each has moments of its own: what comes at once is made one after the other, which says nothing of a frame.
  const fed = peers.map(() => 0);
  let step = 0;
  const feed = setInterval(
    () => {
      const due = ((performance.now() - startedAt) * fps) / 1000;
      for (const [i, peer] of peers.entries()) {
        // Catches up after a late timer, so that the mean rate is what was asked for.
        const picture = Math.floor(due + i / peers.length);
        if (fed[i]! >= picture) continue;
        fed[i] = picture;
        if (i === 0) step++;
        peer.source.onFrame({ width, height, data: frames[toAndFro(picture, PICTURES)]! });
      }
    },
    1000 / fps / Math.max(4, peers.length),
  );
  const tell = setInterval(
    () => process.send?.({ at: performance.now(), sent: step, peers: peers.map((peer) => peer.report) }),
    500,
  );
  const end = () => {
    clearInterval(feed);
    clearInterval(tell);
    for (const peer of peers) peer.close();
    setTimeout(() => process.exit(0), 300);
  };
  process.once('message', end);
  process.once('disconnect', () => process.exit(0));
});
