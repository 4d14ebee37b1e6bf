import type { DepthError } from 'depthcast-client';
import { byId } from '../dom.ts';

/** What to do about it. Codes that are not here get no advice beyond their sentence. */
const ADVICE: Record<string, string> = {
  INSECURE_CONTEXT:
    'Open this page over https, or through localhost on this machine. Files and synthetic scenes work meanwhile.',
  NO_CAMERA: 'Connect a camera, or choose a file or a synthetic scene.',
  CAMERA_DENIED: 'Allow the camera for this page in the browser’s address bar, then start again.',
  CAMERA_BUSY: 'Close other programs and tabs that use the camera, then start again.',
  CAMERA_UNSUITABLE: 'Choose another camera, or leave size and frame rate to the camera.',
  SOURCE_UNSUPPORTED: 'Choose another video; MP4 with H.264 and WebM play almost everywhere.',
  SOURCE_ENDED: 'The camera was unplugged or taken away. Choose a source again.',
  WEBRTC_UNSUPPORTED: 'Use a current Chrome, Edge, Firefox or Safari, and check that WebRTC is not disabled.',
  SERVER_UNREACHABLE: 'Check that the server runs, that the address is right and that no firewall stands between.',
  CONNECTION_LOST: 'Check the network.',
  ENDED_BY_SERVER: 'Start again when you are ready.',
  MEDIA_FAILED:
    'Signalling works, but no media path was found. The server’s UDP ports must be reachable, or a TURN server configured.',
  TIMEOUT: 'The server may be overloaded, or something between drops the connection.',
  BAD_ADDRESS: 'Correct the server parameter in this page’s address.',
  BAD_MESSAGE: 'Something other than depthcast answers at this address, or client and server differ in version.',
  PROTOCOL_VERSION: 'Reload the page. If that does not help, update the client or the server.',
  FORBIDDEN_ORIGIN: 'Add this page’s origin to the server’s allowed origins.',
  UNAUTHORIZED: 'Put a token of the server behind this page’s address: #token=…',
  NO_VIDEO: 'The server ends sessions without pictures. Browsers stop drawing hidden pages: keep this one visible.',
  BUSY: 'All places are taken. The page keeps asking.',
  DRAINING: 'The server is restarting. The page comes back by itself.',
  MODEL_NOT_FOUND: 'Choose another model.',
  BAD_SIZE: 'Choose another input size.',
  DECODER_OVERRUN: 'The machine is busy; depth resumes with the next keyframe.',
  TRACK_PAUSED: 'The network between is slow; depth data goes on. Choose a smaller output, or turn the gray track off.',
  WORKER_DIED: 'The server restarts its depth worker by itself.',
  MEDIA_WORKER_DIED: 'The server restarts a part of itself. The page comes back by itself.',
};

/** What passes by itself is not shown for longer (milliseconds). */
const NOTICE_TIME = 10_000;

export interface ProblemOptions {
  /** Things go on: shown in a milder colour. */
  mild?: boolean;
  /** It passes by itself, and so does the panel. */
  passing?: boolean;
  /** When the next attempt comes (ms since the Unix epoch), and its number. */
  retry?: { at: number | undefined; attempt: number };
  /** What the button does; no button without. */
  action?: { label: string; run: () => void };
}

/** The panel that says what is wrong and what to do. */
export class ProblemPanel {
  readonly #panel = byId('problem', HTMLElement);
  readonly #countdown = byId('problem-countdown', HTMLElement);
  readonly #button = byId('problem-retry', HTMLButtonElement);
  #action: (() => void) | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #notice: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    this.#button.addEventListener('click', () => this.#action?.());
    byId('problem-dismiss', HTMLButtonElement).addEventListener('click', () => this.hide());
  }

  show(error: DepthError, { mild = false, passing = false, retry, action }: ProblemOptions = {}): void {
    this.#panel.hidden = false;
    this.#panel.classList.toggle('mild', mild);
    byId('problem-code', HTMLElement).textContent = error.code;
    byId('problem-message', HTMLElement).textContent = /[.!?]$/.test(error.message)
      ? error.message
      : `${error.message}.`;
    byId('problem-advice', HTMLElement).textContent = ADVICE[error.code] ?? '';
    this.#button.hidden = !action;
    this.#button.textContent = action?.label ?? '';
    this.#action = action?.run;
    clearInterval(this.#timer);
    this.#count(retry);
    clearTimeout(this.#notice);
    if (passing) this.#notice = setTimeout(() => this.hide(), NOTICE_TIME);
    if (retry?.at) this.#timer = setInterval(() => this.#count(retry), 250);
  }

  hide(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#notice);
    this.#panel.hidden = true;
  }

  #count(retry: ProblemOptions['retry']): void {
    const seconds = retry?.at ? Math.ceil((retry.at - Date.now()) / 1000) : 0;
    if (!retry) this.#countdown.textContent = '';
    else if (seconds > 0) this.#countdown.textContent = `Attempt ${retry.attempt} in ${seconds} s`;
    else this.#countdown.textContent = `Attempt ${retry.attempt} …`;
  }
}
