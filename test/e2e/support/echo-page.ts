/** What a page needs to know to send video and play what comes back. */
export interface PageOptions {
  width: number;
  height: number;
  /** Also offer audio, which must be refused without harm. */
  audio?: boolean;
  /** A second video section. */
  secondVideo?: boolean;
}

export interface PageReport {
  state: string;
  /** RTP timestamps that requestVideoFrameCallback has told. */
  timestamps: number[];
  videoWidth: number;
  framesDecoded: number;
  framesDropped: number;
  keyFramesDecoded: number;
  codecIn: string | undefined;
  codecOut: string | undefined;
  /** bit/s that the browser's encoder aims for, and has sent on average. */
  targetBitrate: number;
  sentBitrate: number;
  framesEncoded: number;
  messages: number;
}

/** Chromium and Firefox alike: plain JavaScript that leaves its state on `window`. */
const SCRIPT = `
window.echo = {
  timestamps: [], messages: 0,
  async offer({ width, height, audio, secondVideo }) {
    const stream = await navigator.mediaDevices.getUserMedia({ video: { width, height, frameRate: 30 }, audio: Boolean(audio) });
    const pc = this.pc = new RTCPeerConnection();
    if (audio) pc.addTransceiver(stream.getAudioTracks()[0], { direction: 'sendrecv', streams: [stream] });
    this.transceiver = pc.addTransceiver(stream.getVideoTracks()[0], { direction: 'sendrecv', streams: [stream] });
    const extensions = this.transceiver.getHeaderExtensionsToNegotiate?.();
    if (extensions) {
      for (const extension of extensions) if (extension.uri.endsWith('abs-capture-time')) extension.direction = 'sendrecv';
      this.transceiver.setHeaderExtensionsToNegotiate(extensions);
    }
    if (secondVideo) pc.addTransceiver('video', { direction: 'sendrecv' });
    this.channel = pc.createDataChannel('depth', { ordered: false, maxRetransmits: 0 });
    this.channel.onmessage = () => { this.messages++; };
    const video = this.video = document.querySelector('video');
    pc.ontrack = ({ track }) => {
      video.srcObject = new MediaStream([track]);
      video.play();
      const seen = (_now, { rtpTimestamp }) => {
        this.timestamps.push(rtpTimestamp);
        video.requestVideoFrameCallback(seen);
      };
      video.requestVideoFrameCallback(seen);
    };
    await pc.setLocalDescription(await pc.createOffer());
    return this.gathered();
  },
  async gathered() {
    const { pc } = this;
    if (pc.iceGatheringState !== 'complete') {
      await new Promise((resolve) => {
        pc.addEventListener('icegatheringstatechange', () => pc.iceGatheringState === 'complete' && resolve());
        setTimeout(resolve, 3000);
      });
    }
    return pc.localDescription.sdp;
  },
  async restart() {
    await this.pc.setLocalDescription(await this.pc.createOffer({ iceRestart: true }));
    return this.gathered();
  },
  async answer(sdp) { await this.pc.setRemoteDescription({ type: 'answer', sdp }); },
  async encode(change) {
    const parameters = this.transceiver.sender.getParameters();
    if (change.codec) parameters.encodings[0].codec = parameters.codecs.find(({ mimeType }) => mimeType === 'video/' + change.codec);
    if (change.scale) parameters.encodings[0].scaleResolutionDownBy = change.scale;
    await this.transceiver.sender.setParameters(parameters);
  },
  async report() {
    const stats = [...(await this.pc.getStats()).values()];
    const inbound = stats.find(({ type }) => type === 'inbound-rtp') ?? {};
    const outbound = stats.find(({ type }) => type === 'outbound-rtp') ?? {};
    const codec = (id) => stats.find((entry) => entry.id === id)?.mimeType;
    const now = performance.now();
    const sentBitrate = this.last ? (8000 * (outbound.bytesSent - this.last.bytes)) / (now - this.last.now) : 0;
    this.last = { bytes: outbound.bytesSent, now };
    return {
      state: this.pc.connectionState,
      timestamps: this.timestamps,
      videoWidth: this.video.videoWidth,
      framesDecoded: inbound.framesDecoded ?? 0,
      framesDropped: inbound.framesDropped ?? 0,
      keyFramesDecoded: inbound.keyFramesDecoded ?? 0,
      codecIn: codec(inbound.codecId),
      codecOut: codec(outbound.codecId),
      targetBitrate: outbound.targetBitrate ?? 0,
      sentBitrate,
      framesEncoded: outbound.framesEncoded ?? 0,
      messages: this.messages,
    };
  },
  close() { this.pc?.close(); },
};
`;

/** A page of either browser. */
export interface EchoPage {
  offer(options: PageOptions): Promise<string>;
  /** An offer that restarts ICE. */
  restart(): Promise<string>;
  answer(sdp: string): Promise<void>;
  /** Changes the codec that is sent, or its resolution. */
  encode(change: { codec?: 'VP8' | 'H264'; scale?: number }): Promise<void>;
  report(): Promise<PageReport>;
  close(): Promise<void>;
}

/** @param evaluate runs an expression in the page and gives back what its promise gives */
export async function openEchoPage(evaluate: (expression: string) => Promise<unknown>): Promise<EchoPage> {
  await evaluate(`(() => { ${SCRIPT} return true; })()`);
  const call = (method: string, argument?: unknown) =>
    evaluate(`window.echo.${method}(${JSON.stringify(argument) ?? ''})`);
  return {
    offer: (options) => call('offer', options) as Promise<string>,
    restart: () => call('restart') as Promise<string>,
    answer: async (sdp) => void (await call('answer', sdp)),
    encode: async (change) => void (await call('encode', change)),
    report: () => call('report') as Promise<PageReport>,
    close: async () => void (await call('close')),
  };
}
