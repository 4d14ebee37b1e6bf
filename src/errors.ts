/**
 * The one catalogue of everything that can go wrong in a way a person or a client sees.
 * A code never changes its meaning; `status` is the HTTP status where the error crosses HTTP.
 */
export const CATALOGUE = {
  BAD_REQUEST: [400, 'The request is malformed'],
  BAD_OPTION: [400, 'That option or value cannot be used'],
  UNAUTHORIZED: [401, 'A valid bearer token is needed'],
  FORBIDDEN: [403, 'The token does not give this right'],
  FORBIDDEN_ORIGIN: [403, 'This origin may not use the server'],
  NOT_FOUND: [404, 'There is nothing at this address'],
  SESSION_NOT_FOUND: [404, 'No such session; it may have ended'],
  METHOD_NOT_ALLOWED: [405, 'That method is not allowed here'],
  DTLS_FAILED: [422, 'The DTLS handshake failed'],
  REQUEST_TIMEOUT: [408, 'The request did not arrive in time'],
  SETUP_TIMEOUT: [408, 'The connection was not set up in time'],
  NO_PUBLISHER: [409, 'The stream has no publisher yet; try again later'],
  STREAM_TAKEN: [409, 'This stream already has a publisher; use another name or end the first'],
  ETAG_MISMATCH: [412, 'The If-Match value is not that of the current ICE session'],
  BODY_TOO_LARGE: [413, 'The body is larger than allowed'],
  UNSUPPORTED_MEDIA_TYPE: [415, 'That content type is not accepted here'],
  BAD_SDP: [400, 'The SDP offer cannot be used'],
  NO_VIDEO: [422, 'The SDP offer holds no video to receive'],
  UNSUPPORTED_CODEC: [422, 'None of the offered video codecs can be used'],
  NO_KEYFRAME: [422, 'No keyframe came that depth can begin with'],
  NOT_NEGOTIATED: [422, 'Something that was offered was not negotiated'],
  NO_CHANNEL: [422, 'There is no data channel to send depth on'],
  UNKNOWN_HOST: [421, 'The Host header does not name this server'],
  UPGRADE_REQUIRED: [426, 'This address expects a WebSocket upgrade'],
  ETAG_REQUIRED: [428, 'If-Match is required for this request'],
  PEER_OVERLOAD: [429, 'The peer uses more than its share of the server'],
  RATE_LIMITED: [429, 'That is more than one client may ask for'],
  HEADERS_TOO_LARGE: [431, 'The request headers are larger than allowed'],
  SLOW_VIEWER: [503, 'The viewer could not keep up with the stream'],
  TRACK_PAUSED: [503, 'The gray track pauses: the client could not keep up with it'],
  SLOW_CLIENT: [503, 'The client did not read its messages'],
  BUSY: [503, 'The server is at capacity; try again later'],
  DRAINING: [503, 'The server is shutting down'],

  BAD_MESSAGE: [400, 'The message does not follow the protocol'],
  PROTOCOL_VERSION: [400, 'That protocol version is not supported'],
  BAD_PACKET: [400, 'The depth packet is malformed'],

  CODEC_FAILED: [500, 'The codec reported an error'],
  DECODER_OVERRUN: [500, 'The decoder fell behind and waits for a keyframe'],
  BAD_VIDEO: [422, 'The video cannot be read'],
  PICTURE_TOO_LARGE: [422, 'The picture is larger than allowed'],

  MODEL_NOT_FOUND: [404, 'No such model'],
  BAD_MANIFEST: [422, 'The model manifest is not valid'],
  BAD_MODEL: [422, 'The model file does not meet the streaming contract'],
  BAD_CHECKPOINT: [422, 'The checkpoint cannot be used'],
  DOWNLOAD_NOT_FOUND: [404, 'The file is not on the server'],
  DOWNLOAD_FAILED: [502, 'The file could not be fetched'],
  HASH_MISMATCH: [422, 'The file is not the one that was expected'],
  DISK_FULL: [507, 'No space is left on the disk'],
  OUTPUT_EXISTS: [409, 'The output is there already'],
  BAD_DATASET: [422, 'The data set cannot be used'],
  BAD_ARRAY: [422, 'The array file cannot be used'],
  PARITY_FAILED: [422, 'The outputs differ by more than allowed'],
  BAD_SIZE: [400, 'The network size is not allowed for this model'],
  BAD_OUTPUT: [500, 'The model returned a flat or non-finite depth map'],
  DEVICE_UNAVAILABLE: [422, 'The device is not available on this machine'],
  DEVICE_LOST: [503, 'The device was lost'],
  WORKER_DIED: [503, 'The depth worker stopped and is being restarted'],
  MEDIA_WORKER_DIED: [503, 'The media worker of this session stopped; connect again'],
  INFERENCE_FAILED: [500, 'The network failed on a frame'],

  LIVEKIT_MISSING: [501, "LiveKit's library cannot be used on this machine"],
  LIVEKIT_FAILED: [502, 'The LiveKit server refused or failed'],

  BAD_CONFIG: [400, 'The configuration is not valid'],
  PORT_IN_USE: [500, 'The port is already in use'],
  PORT_DENIED: [500, 'The port may not be opened by this user'],
  UNKNOWN_SCENE: [404, 'No such synthetic scene'],
  RECORDING_OFF: [409, 'No folder is set to record into (recording.folder)'],
  RECORDING_LIMIT: [503, 'As many streams are being recorded as recording.limit allows'],
  RECORDING_RUNS: [409, 'This stream is being recorded already'],
  RECORDING_NOT_FOUND: [404, 'This stream is not being recorded'],
  RECORDING_FAILED: [500, 'The recording could not be written'],
  SOURCE_FAILED: [502, 'The source cannot be read; it is tried again'],
  SOURCE_NOT_FOUND: [404, 'No such source'],
  SOURCE_NOT_ALLOWED: [403, 'A request may not name, or remove, this source'],
  PRESET_NOT_FOUND: [404, 'No such preset of this stream'],
  OUTPUT_FAILED: [502, 'The output cannot be sent; it is tried again'],
  OUTPUT_NOT_FOUND: [404, 'No such output'],
  OUTPUT_NOT_ALLOWED: [403, 'A request may not name, or remove, this output'],
  OUTPUT_TAKEN: [409, 'There is an output of this name already'],
  OUTPUT_LIMIT: [409, 'No more settings or presets are kept'],
  ANCHORS_UNUSED: [422, 'Anchors could not be used'],
  NOT_METRIC: [409, 'The depth of the stream is not in metres'],
  INTERNAL: [500, 'Something unexpected went wrong'],
} as const satisfies Record<string, readonly [number, string]>;

export type ErrorCode = keyof typeof CATALOGUE;

/** Details quote untrusted input: no more of it than a person reads. */
const MAX_DETAIL = 2000;

export interface ErrorDetails {
  /** What exactly, and what to do about it; appended to the catalogue's sentence. */
  detail?: string | undefined;
  /** Seconds after which trying again makes sense (HTTP Retry-After). */
  retryAfter?: number | undefined;
  cause?: unknown;
}

/** Every error that depthcast itself raises. `message` is fit for a person; `code` is for programs. */
export class DepthcastError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly detail: string | undefined;
  readonly retryAfter: number | undefined;

  constructor(code: ErrorCode, options: ErrorDetails = {}) {
    const [status, sentence] = CATALOGUE[code];
    const { detail } = options;
    const short = detail !== undefined && detail.length > MAX_DETAIL ? `${detail.slice(0, MAX_DETAIL)}…` : detail;
    super(short ? `${sentence}: ${short}` : sentence, { cause: options.cause });
    this.name = 'DepthcastError';
    this.code = code;
    this.status = status;
    this.detail = short;
    this.retryAfter = options.retryAfter;
  }
}

/** Wraps whatever was thrown; a DepthcastError passes through unchanged. */
export function toDepthcastError(thrown: unknown, code: ErrorCode = 'INTERNAL'): DepthcastError {
  if (thrown instanceof DepthcastError) return thrown;
  return new DepthcastError(code, { detail: thrown instanceof Error ? thrown.message : String(thrown), cause: thrown });
}

/** A DepthcastError as it moves between threads. */
export interface PlainError {
  code: ErrorCode;
  detail: string | undefined;
  retryAfter: number | undefined;
}

/** @param code of what was thrown without one */
export function toPlain(thrown: unknown, code?: ErrorCode): PlainError {
  const error = toDepthcastError(thrown, code);
  return { code: error.code, detail: error.detail, retryAfter: error.retryAfter };
}

export function fromPlain(error: PlainError): DepthcastError {
  return new DepthcastError(error.code, error);
}
