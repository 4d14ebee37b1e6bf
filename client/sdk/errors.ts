import type { ErrorCode } from '../../src/errors.ts';
import type { ErrorPayload, ErrorSubject } from '../../src/protocol/messages.ts';

/** What can go wrong on the client's side; codes of the server (src/errors.ts) pass through unchanged. */
export const CLIENT_ERRORS = {
  INSECURE_CONTEXT: 'Browsers give the camera only to pages on https or localhost',
  NO_CAMERA: 'No camera was found',
  CAMERA_DENIED: 'The camera may not be used: permission was denied',
  CAMERA_BUSY: 'The camera is in use by another program or cannot be started',
  CAMERA_UNSUITABLE: 'The camera cannot deliver the requested size or frame rate',
  SOURCE_UNSUPPORTED: 'The browser cannot play this video',
  SOURCE_ENDED: 'The video source ended',
  WEBRTC_UNSUPPORTED: 'This browser has no WebRTC',
  SERVER_UNREACHABLE: 'The server cannot be reached',
  CONNECTION_LOST: 'The connection to the server was lost',
  ENDED_BY_SERVER: 'The server ended the session',
  MEDIA_FAILED: 'The media connection to the server could not be made',
  TIMEOUT: 'The server did not answer in time',
  BAD_ADDRESS: 'The server address is not valid',
  BAD_MESSAGE: 'The server sent something that does not follow the protocol',
  PROTOCOL_VERSION: 'Server and client speak different versions of the protocol',
  NO_METRES: 'These depth values are relative: metres need a scale',
  NO_PAIRS: 'Pictures cannot be paired with their depth',
  NOT_IN_SERVER: 'The server cannot do all that was asked for',
  CLOSED: 'The session was closed',
} as const satisfies Record<string, string>;

export type ClientErrorCode = keyof typeof CLIENT_ERRORS;
export type DepthErrorCode = ClientErrorCode | ErrorCode;

/** After these a new attempt can succeed without anybody changing anything. */
const RETRYABLE: ReadonlySet<string> = new Set<DepthErrorCode>([
  'SERVER_UNREACHABLE',
  'CONNECTION_LOST',
  'ENDED_BY_SERVER',
  'MEDIA_FAILED',
  'TIMEOUT',
  'BUSY',
  'DRAINING',
  'SETUP_TIMEOUT',
  'SESSION_NOT_FOUND',
  'WORKER_DIED',
  'MEDIA_WORKER_DIED',
  'INTERNAL',
]);

export interface DepthErrorOptions {
  /** Appended to the sentence of the code. */
  detail?: string;
  /** Seconds after which the server asks to be tried again. */
  retryAfter?: number;
  cause?: unknown;
}

/** Every error of the SDK: `code` is for programs, `message` is fit for a person. */
export class DepthError extends Error {
  /** A code of this file or of the server; a newer server may send codes unknown here. */
  readonly code: DepthErrorCode | (string & {});
  readonly retryAfter: number | undefined;
  /** Of an error of the server: the request that it refuses, or what of the session it concerns. */
  readonly about: ErrorSubject | undefined;

  constructor(code: ClientErrorCode, options: DepthErrorOptions = {}) {
    super(options.detail ? `${CLIENT_ERRORS[code]}: ${options.detail}` : CLIENT_ERRORS[code], { cause: options.cause });
    this.name = 'DepthError';
    this.code = code;
    this.retryAfter = options.retryAfter;
    this.about = undefined;
  }

  /** An `error` message of the server, with its own sentence. */
  static fromServer(message: ErrorPayload & { about?: ErrorSubject | undefined }): DepthError {
    return Object.assign(new DepthError('CONNECTION_LOST'), {
      code: message.code,
      message: message.message,
      retryAfter: message.retryAfter,
      about: message.about,
    });
  }

  /** True when the session may try again by itself. */
  get retryable(): boolean {
    return this.retryAfter !== undefined || RETRYABLE.has(this.code);
  }
}

/** Wraps whatever was thrown; a DepthError passes through unchanged. */
export function toDepthError(thrown: unknown, code: ClientErrorCode): DepthError {
  if (thrown instanceof DepthError) return thrown;
  return new DepthError(code, { detail: thrown instanceof Error ? thrown.message : String(thrown), cause: thrown });
}

/** Maps what `getUserMedia` rejects with (W3C Media Capture and Streams, section 10.2.1) to a code. */
export function cameraError(thrown: unknown): DepthError {
  const name = thrown instanceof Error ? thrown.name : '';
  const options = { cause: thrown };
  switch (name) {
    case 'NotAllowedError':
    case 'SecurityError':
      return new DepthError('CAMERA_DENIED', options);
    case 'NotFoundError':
      return new DepthError('NO_CAMERA', options);
    case 'NotReadableError':
    case 'AbortError':
      return new DepthError('CAMERA_BUSY', options);
    case 'OverconstrainedError':
      return new DepthError('CAMERA_UNSUITABLE', options);
    default:
      return toDepthError(thrown, 'NO_CAMERA');
  }
}
