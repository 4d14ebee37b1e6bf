// Cause and cure of every code in src/errors.ts, for docs/errors.md; the compiler sees to it that no code lacks them.
import type { ClientErrorCode } from '../client/sdk/errors.ts';
import type { ErrorCode } from '../src/errors.ts';

type Advice = readonly [cause: string, cure: string];
type Some = Partial<Record<ErrorCode, Advice>>;

const requests = {
  BAD_REQUEST: [
    'The request cannot be parsed: a broken header, URL, Host or SDP fragment.',
    'Correct what the message names.',
  ],
  UNAUTHORIZED: [
    'No bearer token, or one that is unknown, expired or not signed by a known key.',
    'Send `Authorization: Bearer TOKEN`, or `token` in `hello`; renew an expired token.',
  ],
  FORBIDDEN: [
    'The token is valid and lacks the right for this stream or route.',
    'Use a token whose `publish`, `view`, `duplex`, `api` or `metrics` right covers it.',
  ],
  FORBIDDEN_ORIGIN: ['A browser page of another origin uses the server.', 'Add the origin to `server.allowedOrigins`.'],
  UNKNOWN_HOST: [
    'The Host header names a host that this server does not know as itself.',
    'List the name in `server.names`.',
  ],
  NOT_FOUND: ['No route has this address.', 'See [signalling.md](signalling.md) for the addresses.'],
  METHOD_NOT_ALLOWED: [
    'The address exists and does not take this method.',
    'Use a method that the `Allow` header lists.',
  ],
  REQUEST_TIMEOUT: ['Headers, body or TLS handshake came too slowly.', 'Check the network and the proxy in between.'],
  ETAG_MISMATCH: [
    'The PATCH names an ICE session that a restart has replaced.',
    'Use the latest `ETag` of the session, or `*` to restart ICE.',
  ],
  ETAG_REQUIRED: ['A PATCH came without `If-Match`.', 'Send the `ETag` of the session as `If-Match`.'],
  BODY_TOO_LARGE: ['The body exceeds `server.bodyLimit`.', 'Send a smaller offer, or raise the setting.'],
  HEADERS_TOO_LARGE: ['The headers exceed 16 KiB.', 'Remove cookies and other headers that are not needed.'],
  UNSUPPORTED_MEDIA_TYPE: [
    'The `Content-Type` is not the one of this route.',
    'Send the type that the message names, as `application/sdp`.',
  ],
  UPGRADE_REQUIRED: [
    'A plain request came to `/ws`.',
    'Connect with a WebSocket client; check that the proxy passes upgrades.',
  ],
  RATE_LIMITED: [
    'One address sends more requests, set-ups, sessions or wrong tokens than `limits.*` allow.',
    'Wait for `Retry-After`; raise the limit, or set `server.trustProxy` where a proxy hides the clients.',
  ],
} satisfies Some;

const sessions = {
  BUSY: [
    'Every stream, viewer or set-up place is taken, or the depth workers have no time left.',
    'Wait for `Retry-After`; raise `limits.*`, use a smaller network, or add a server (`server.redirectWhenBusy`).',
  ],
  DRAINING: [
    'The server was told to stop and takes no new sessions.',
    'Connect again after `Retry-After`, to another server if there is one.',
  ],
  STREAM_TAKEN: [
    'A publisher of this name is connected, or its session has not timed out yet.',
    'Choose another name, end the other session, or wait for `Retry-After`.',
  ],
  NO_PUBLISHER: [
    'A viewer came before the publisher, or the stream has ended.',
    'Try again after `Retry-After`; check the name.',
  ],
  SESSION_NOT_FOUND: ['The session has ended, or the address is not complete.', 'Set up a new session.'],
  BAD_SDP: [
    'The offer lacks ICE credentials, a SHA-256 fingerprint or rtcp-mux, or is malformed.',
    'Correct what the message names; offer what a browser offers.',
  ],
  NO_VIDEO: [
    'No `m=video` section sends, or no picture came for `limits.idleSeconds`.',
    'Offer a `sendonly` or `sendrecv` video section; keep the source alive and the page visible.',
  ],
  UNSUPPORTED_CODEC: [
    'No offered codec is in `rtc.codecs`, or its profile cannot be decoded.',
    'Offer one that the message lists.',
  ],
  NOT_NEGOTIATED: [
    'A part of the offer, as audio, is answered with `inactive`; the rest works.',
    'Nothing, or remove that part from the offer.',
  ],
  SETUP_TIMEOUT: [
    '`hello`, the offer, or the media connection did not come in time.',
    'Check that UDP reaches the server (`rtc.portRange`), or configure TURN.',
  ],
  DTLS_FAILED: [
    "The peer's certificate is not the one of its offer, or no version or cipher is in common.",
    'Offer the fingerprint of the certificate in use; DTLS 1.2 or later.',
  ],
  PEER_OVERLOAD: [
    'The packets of one peer take more processor time or memory than `limits.peerCpu` and `limits.peerMemory` allow.',
    'Send at a lower rate, or raise the limit for senders that are trusted.',
  ],
  NO_CHANNEL: [
    'No data channel named `depth` was opened, or a second one was.',
    'Open `createDataChannel("depth")`, in-band, once.',
  ],
  BAD_MESSAGE: [
    'A `/ws` message is not JSON, not of the protocol, too long, or out of order.',
    'Correct the field that the message names; see [signalling.md](signalling.md).',
  ],
  PROTOCOL_VERSION: [
    'Client and server speak different versions of the `/ws` protocol.',
    'Update the older one; reload the page.',
  ],
  SLOW_VIEWER: [
    'A WHEP viewer lost or delayed too much for `limits.slowViewerSeconds`.',
    'Use a better path, a lower `output.minBitrate`, or TURN nearer to the viewer.',
  ],
  TRACK_PAUSED: [
    'The path to a `/ws` client does not carry the gray track; data and its video go on.',
    'It is sent again by itself; lower `output.minBitrate` or use data alone.',
  ],
  SLOW_CLIENT: ['A `/ws` client does not read its messages.', 'Read the socket without delay.'],
} satisfies Some;

const media = {
  NO_KEYFRAME: [
    'No keyframe that decoding can start with arrived.',
    'Answer PLI, or send keyframes, with SPS and PPS for H.264, every second or two.',
  ],
  BAD_VIDEO: [
    'The packets or the file hold no picture that can be decoded.',
    'Correct what the message names: payload type, container, codec, path.',
  ],
  PICTURE_TOO_LARGE: ['A side exceeds `limits.pictureSide`.', 'Send smaller pictures or raise the setting.'],
  CODEC_FAILED: [
    'FFmpeg reported an error for a frame or has no such codec.',
    'One frame: nothing. Always: check `depthcast doctor` and the input.',
  ],
  DECODER_OVERRUN: [
    'Frames come faster than this machine decodes.',
    'Lower the size or the frame rate, or carry fewer streams.',
  ],
  BAD_PACKET: [
    'Bytes on the data channel are not a depth packet.',
    'Check the version of the reader against [protocol.md](protocol.md).',
  ],
} satisfies Some;

const sources = {
  SOURCE_FAILED: [
    'A pulled source is not there, refused the connection, sent nothing for its `timeoutSeconds`, or cannot be decoded; the detail says which.',
    'Nothing, where it comes back: it is tried again, at most every 30 s. Otherwise its address, its password, its transport (RTSP: `tcp` or `udp`).',
  ],
  SOURCE_NOT_FOUND: ['No pulled source has this name.', '`GET /api/sources` lists them.'],
  SOURCE_NOT_ALLOWED: [
    '`POST /api/sources` named a host that is not among `sources.apiHosts`, a file or a device; or a DELETE a source of the settings.',
    'Add the host to `sources.apiHosts`, or the source to `sources.pull` in the settings; take it out there.',
  ],
  RECORDING_OFF: ['`recording.folder` is not set.', 'Set it and start the server again.'],
  RECORDING_LIMIT: ['So many streams are recorded already.', 'End one, or raise `recording.limit`.'],
  RECORDING_RUNS: ['A recording was asked for twice, or the settings began it.', 'Nothing, or end it first (DELETE).'],
  RECORDING_NOT_FOUND: ['The stream is live and not recorded.', 'Begin with POST.'],
  RECORDING_FAILED: [
    'The folder cannot be made or written; the detail says why. A full disk is `DISK_FULL`. The live stream goes on either way.',
    'Remove the cause, and begin again with POST.',
  ],
  PRESET_NOT_FOUND: ['The stream has no preset of that name.', '`GET /api/streams/NAME/output` lists those it has.'],
  OUTPUT_LIMIT: [
    'Presets of 256 streams, or 32 presets of a stream, are kept already.',
    'Remove presets (DELETE); settings without presets make room by themselves.',
  ],
  OUTPUT_FAILED: [
    'The receiver of an output (SRT, RTSP) is not there, refused it, or cannot keep up; the detail says which.',
    'Start or repair the receiver; the server tries again by itself.',
  ],
  OUTPUT_NOT_FOUND: ['No output has this name.', '`GET /api/outputs` lists those there are.'],
  OUTPUT_NOT_ALLOWED: [
    'A request named a host that is not among `outputs.apiHosts`, an SRT option that opens a port here, or an output of the settings.',
    'Extend `outputs.apiHosts`, or write the output into `outputs.push`.',
  ],
  OUTPUT_TAKEN: ['Two outputs were given one name.', 'Use another name, or remove the first (DELETE).'],
  ANCHORS_UNUSED: [
    'Anchors lie where depth has no value, or contradict it: what is told to be nearer is seen farther away.',
    'Look at their places (x and y from 0 to 1, from the top left corner) and at the order of their distances; metres stay as they were.',
  ],
  NOT_METRIC: [
    'A matte was to be in metres, and the network of the stream gives relative depth.',
    'Use a unit of `normalised`, or a network that gives metres.',
  ],
} satisfies Some;

const models = {
  MODEL_NOT_FOUND: [
    'No manifest or file of that name or path.',
    '`depthcast models list` names them; `models pull NAME` fetches one.',
  ],
  BAD_MANIFEST: [
    'The manifest is not JSON or a field is wrong.',
    'Correct the field that the message names; see [models.md](models.md).',
  ],
  BAD_MODEL: [
    'Inputs or outputs of the graph are not those of the contract.',
    'Compare with [the contract](models.md#the-contract).',
  ],
  BAD_CHECKPOINT: [
    'The file is damaged or holds a network that is not known.',
    'Fetch it again; name `--encoder`, `--heads` or `--layers`.',
  ],
  BAD_SIZE: ['The model does not run at that network size.', 'Choose one that the message lists.'],
  BAD_OUTPUT: [
    'The network gives flat or non-finite depth, as fp16 does on some devices.',
    'Use `--precision fp32` or another device.',
  ],
  PARITY_FAILED: [
    'Outputs differ from the reference by more than the tolerance.',
    'Check inputs, size and precision; raise `--tolerance` only if that is meant.',
  ],
  DEVICE_UNAVAILABLE: ['The device cannot run here.', 'Choose `cpu`; `depthcast doctor` says what the machine has.'],
  INFERENCE_FAILED: [
    'onnxruntime failed on a frame, as when memory is short.',
    'See the log; use a smaller network or fewer workers.',
  ],
  DEVICE_LOST: [
    'The graphics driver gave the device up, or its memory is full; the depth worker is restarted.',
    'Nothing; if it recurs, see the log, use a smaller network, or `--device cpu`.',
  ],
  WORKER_DIED: [
    'The depth worker crashed or hung; it is restarted and the stream gets a new epoch.',
    'Nothing; if it recurs, see the log for memory or driver errors.',
  ],
  MEDIA_WORKER_DIED: [
    'The thread that carried the session (server.mediaWorkers) crashed or stalled, and was replaced.',
    'Connect again, after Retry-After where there is one; if it recurs, see the log for the cause.',
  ],
  DOWNLOAD_NOT_FOUND: [
    'The server answers 404 or 410 for the file.',
    'Check `--mirror` and `DEPTHCAST_MODELS_MIRROR`.',
  ],
  DOWNLOAD_FAILED: ['The network, DNS or the server failed.', 'Run the command again: it goes on where it ended.'],
  HASH_MISMATCH: [
    'Size or SHA-256 are not those that the manifest names.',
    'Fetch it again; use another mirror if it recurs.',
  ],
} satisfies Some;

const commands = {
  BAD_OPTION: ['An option is unknown, out of range or contradicts another.', 'See `--help` of the command.'],
  LIVEKIT_MISSING: [
    "`depthcast agent` without LiveKit's library, on a machine that it does not exist for, or in another version.",
    'Install the optional packages (`npm install @livekit/rtc-node @livekit/protocol`); not on musl or Windows arm64.',
  ],
  LIVEKIT_FAILED: [
    'The LiveKit server is away, refuses the key, or a track could not be published.',
    'The agent tries again by itself; check `--url`, `LIVEKIT_API_KEY` and `LIVEKIT_API_SECRET`.',
  ],
  BAD_CONFIG: [
    'A key, variable or value of the settings is wrong.',
    'Correct what the message names; `--print-config` shows what is in force.',
  ],
  PORT_IN_USE: ['Another program listens on the port.', 'Stop it, or choose another with `--port`.'],
  PORT_DENIED: ['The user may not open ports below 1024.', 'Choose one above, or grant `CAP_NET_BIND_SERVICE`.'],
  OUTPUT_EXISTS: ['A file of an earlier run is there.', '`--resume` continues it, `--force` replaces it.'],
  DISK_FULL: [
    'The disk or the quota is full; a recording ends where less than `recording.reserveMegabytes` are free.',
    'Free space or choose another folder; `run --resume` goes on.',
  ],
  UNKNOWN_SCENE: ['No synthetic scene has this name.', 'Choose one that the message lists.'],
  BAD_DATASET: [
    'A folder is not laid out as the data set that it names.',
    'See [evaluation.md](evaluation.md) for the layouts.',
  ],
  BAD_ARRAY: ['A `.npy` or `.npz` file is damaged or of another shape.', 'Write it as the message says.'],
  INTERNAL: ['A defect in depthcast.', 'Report it with the stack trace of the log.'],
} satisfies Some;

/** As the document lists them. */
export const SECTIONS: Record<string, { about: string; advice: Some }> = {
  Requests: { about: 'HTTP requests: WHIP, WHEP, the API and the page.', advice: requests },
  Sessions: { about: 'Setting a session up and keeping it: WHIP, WHEP and `/ws`.', advice: sessions },
  Media: { about: 'Frames of a session or of a file.', advice: media },
  Sources: {
    about:
      'Cameras, streams and files that the server opens by itself, recordings ([robots.md](robots.md)), and mattes and outputs ([studio.md](studio.md)).',
    advice: sources,
  },
  'Models and inference': {
    about: 'Loading a network and running it: the server, `depthcast run`, `models` and `eval`.',
    advice: models,
  },
  'Commands, files and settings': { about: 'The command line, and the start of the server.', advice: commands },
};

export const ADVICE: Record<ErrorCode, Advice> = {
  ...requests,
  ...sessions,
  ...media,
  ...sources,
  ...models,
  ...commands,
};

/** Of the codes that the SDK adds. */
export const CLIENT_ADVICE: Record<ClientErrorCode, Advice> = {
  INSECURE_CONTEXT: [
    'The page came by plain http from another machine.',
    'Serve it by https (`npm start -- --https`), or open it as localhost.',
  ],
  NO_CAMERA: [
    'The device has no camera, or the browser sees none.',
    'Connect one; `source: { kind: "scene" }` needs none.',
  ],
  CAMERA_DENIED: [
    'The user, the browser or a policy of the page refused.',
    'Allow the camera for this address; in a frame: `allow="camera"`.',
  ],
  CAMERA_BUSY: ['Another program holds the camera, or its driver failed.', 'Close the other program; connect again.'],
  CAMERA_UNSUITABLE: [
    'The constraints asked for more than the camera has.',
    'Ask for a smaller picture or a lower frame rate.',
  ],
  SOURCE_UNSUPPORTED: [
    'The browser has no decoder for the video of this element or file.',
    'Use another file, or H.264 or VP8.',
  ],
  SOURCE_ENDED: [
    'The track of the source ended: a camera was unplugged, a shared screen closed.',
    'Connect with another source.',
  ],
  WEBRTC_UNSUPPORTED: [
    'The browser, or a setting of it, has no RTCPeerConnection.',
    'Use a current Chromium, Firefox or Safari.',
  ],
  SERVER_UNREACHABLE: [
    'No WebSocket could be opened: wrong address, server down, or something between.',
    'Check the address; the session tries again by itself (`retry`).',
  ],
  CONNECTION_LOST: [
    'The WebSocket closed without a reason, or the network changed.',
    'Nothing: the session connects again (`retry`).',
  ],
  ENDED_BY_SERVER: ['The server closed the session and told no code, as when it stops.', 'Connect again.'],
  MEDIA_FAILED: [
    'ICE or DTLS did not come to an end: UDP is blocked, or no candidate works.',
    'Open the UDP ports of `rtc.portRange`, or set up TURN.',
  ],
  TIMEOUT: [
    'The server took longer to answer than the client waits.',
    'Connect again; look at the load of the server.',
  ],
  BAD_ADDRESS: ['`server` is not an http, https, ws or wss address.', 'Give `http://HOST:PORT`.'],
  BAD_MESSAGE: [
    'A message of the server is not what the protocol says: another program, or a proxy that changes it.',
    'Check what answers at this address.',
  ],
  PROTOCOL_VERSION: ['Client and server are of versions that do not go together.', 'Bring both to the same version.'],
  NO_METRES: ['Metres were asked of a relative depth map.', 'Give anchors (`session.anchor`), or use a metric model.'],
  NO_PAIRS: [
    'The browser lacks what pairing needs, or its worker failed; the detail says which.',
    'Use `onDepth`, or a browser with encoded transforms and WebCodecs.',
  ],
  NOT_IN_SERVER: [
    'The server is older than the client, or a setting of it forbids what was asked for.',
    'Ask for less, or update the server.',
  ],
  CLOSED: ['The page called `close`.', 'Nothing.'],
};
