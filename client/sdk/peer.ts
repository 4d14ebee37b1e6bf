import { CODEC_NAMES, VIDEO_CODECS, type VideoCodec } from '../../src/codecs.ts';
import { CHANNEL_PROTOCOL } from '../../src/protocol/index.ts';
import type { Pairing } from './pairing/pairing.ts';
import type { Platform } from './platform.ts';

export type { VideoCodec };

const ABS_CAPTURE_TIME = 'http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time';
/** The server scales pictures down to the network's input anyway; more pixels only cost bitrate. */
const MAX_WIDTH = 1280;
const MAX_BITRATE = 2_500_000;

export interface PeerOptions {
  /** Looks at what is sent. */
  pairing?: Pairing | undefined;
  platform: Platform;
  track: MediaStreamTrack;
  codec: VideoCodec;
  iceServers: RTCIceServer[];
}

export interface PeerHandlers {
  candidate(candidate: RTCIceCandidate | null): void;
  depthTrack(track: MediaStreamTrack): void;
  message(message: Uint8Array): void;
  /** The connection's state or that of its ICE transport changed. */
  state(): void;
}

/** RTP header extension control (W3C webrtc-extensions, section 5.2), which not every browser has. */
interface ExtensionControl {
  getHeaderExtensionsToNegotiate(): { uri: string; direction: RTCRtpTransceiverDirection }[];
  setHeaderExtensionsToNegotiate(extensions: { uri: string; direction: RTCRtpTransceiverDirection }[]): void;
}

/** One RTCPeerConnection: video out, the gray track and the data channel in. */
export class Peer {
  readonly connection: RTCPeerConnection;
  readonly #transceiver: RTCRtpTransceiver;
  readonly #channel: RTCDataChannel;

  constructor({ platform, track, codec, iceServers, pairing }: PeerOptions, handlers: PeerHandlers) {
    const pc = new platform.RTCPeerConnection({ iceServers });
    this.connection = pc;
    pc.onicecandidate = (event) => handlers.candidate(event.candidate ?? null);
    pc.ontrack = (event) => handlers.depthTrack(event.track);
    pc.onconnectionstatechange = pc.oniceconnectionstatechange = () => handlers.state();

    this.#transceiver = pc.addTransceiver(track, { direction: 'sendrecv' });
    preferCodec(this.#transceiver, codec);
    negotiateCaptureTime(this.#transceiver);
    playAtOnce(this.#transceiver.receiver);
    pairing?.attach(this.#transceiver.sender, codec);

    this.#channel = pc.createDataChannel('depth', { ordered: false, maxRetransmits: 1, protocol: CHANNEL_PROTOCOL });
    this.#channel.binaryType = 'arraybuffer';
    this.#channel.onmessage = ({ data }) => {
      if (data instanceof ArrayBuffer) handlers.message(new Uint8Array(data));
      else if (data instanceof Uint8Array) handlers.message(data);
    };
  }

  /** Makes an offer the local description and returns its SDP. */
  async offer(options: { iceRestart?: boolean } = {}): Promise<string> {
    await this.connection.setLocalDescription(await this.connection.createOffer(options));
    return this.connection.localDescription?.sdp ?? '';
  }

  /** Takes the server's answer and sets what can only be set once the sender is negotiated. */
  async accept(sdp: string): Promise<void> {
    await this.connection.setRemoteDescription({ type: 'answer', sdp });
    await this.#tuneSender();
  }

  async replaceTrack(track: MediaStreamTrack): Promise<void> {
    await this.#transceiver.sender.replaceTrack(track);
    await this.#tuneSender();
  }

  close(): void {
    const { connection: pc } = this;
    pc.onicecandidate = pc.ontrack = pc.onconnectionstatechange = pc.oniceconnectionstatechange = null;
    this.#channel.onmessage = null;
    pc.close();
  }

  /**
   * Under congestion or load the encoder shall give up pixels, not frames: the network's input is smaller than the
   * picture, so pixels cost no depth, while missing frames cost latency and tear holes into the temporal memory.
   */
  async #tuneSender(): Promise<void> {
    const { sender } = this.#transceiver;
    const parameters = sender.getParameters?.();
    const encoding = parameters?.encodings?.[0];
    if (!parameters || !encoding) return;
    const width = sender.track?.getSettings?.().width ?? 0;
    parameters.degradationPreference = 'maintain-framerate';
    encoding.maxBitrate = MAX_BITRATE;
    encoding.scaleResolutionDownBy = Math.max(1, width / MAX_WIDTH);
    try {
      await sender.setParameters(parameters);
    } catch {
      // A browser that does not know one of these keeps its defaults, which work too.
    }
  }
}

/** Offers the wanted codec first, then those that the gray track can come back as, with their retransmission format. */
function preferCodec(transceiver: RTCRtpTransceiver, codec: VideoCodec): void {
  const codecs = globalThis.RTCRtpReceiver?.getCapabilities?.('video')?.codecs;
  if (!codecs || !('setCodecPreferences' in transceiver)) return;
  const order: string[] = [codec, ...CODEC_NAMES.filter((name) => VIDEO_CODECS[name].sent), 'RTX'];
  const rank = (c: (typeof codecs)[number]): number => order.indexOf(c.mimeType.slice('video/'.length).toUpperCase());
  // Of H264's profiles the one that every browser shares: baseline, with fragments (RFC 7742, section 6.2).
  const isBaseline = ({ sdpFmtpLine = '' }: (typeof codecs)[number]): boolean =>
    sdpFmtpLine.includes('profile-level-id=42') && sdpFmtpLine.includes('packetization-mode=1');
  const spoken = codecs.filter((c) => rank(c) >= 0 && (!/h264/i.test(c.mimeType) || isBaseline(c)));
  transceiver.setCodecPreferences(spoken.sort((a, b) => rank(a) - rank(b)));
}

/** Capture times travel with the frames only when this extension is asked for (abs-capture-time of the WebRTC project). */
function negotiateCaptureTime(transceiver: RTCRtpTransceiver & Partial<ExtensionControl>): void {
  const extensions = transceiver.getHeaderExtensionsToNegotiate?.();
  const wanted = extensions?.find((extension) => extension.uri === ABS_CAPTURE_TIME);
  if (!extensions || !wanted) return;
  wanted.direction = 'sendrecv';
  transceiver.setHeaderExtensionsToNegotiate?.(extensions);
}

/** Depth is drawn when it comes: an empty jitter buffer trades rare stutter for latency. */
function playAtOnce(receiver: RTCRtpReceiver & { playoutDelayHint?: number | null }): void {
  if ('jitterBufferTarget' in receiver) receiver.jitterBufferTarget = 0;
  else if ('playoutDelayHint' in receiver) (receiver as { playoutDelayHint?: number | null }).playoutDelayHint = 0;
}
