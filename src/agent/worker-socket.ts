import { EventEmitter } from 'node:events';
import {
  AvailabilityResponse,
  type Job,
  type JobAssignment,
  type JobStatus,
  JobType,
  ParticipantPermission,
  RegisterWorkerRequest,
  ServerMessage,
  UpdateJobStatus,
  UpdateWorkerStatus,
  WorkerMessage,
  WorkerPing,
  WorkerStatus,
} from '@livekit/protocol';
import { WebSocket } from 'ws';
import { DepthcastError } from '../errors.ts';
import { type Credentials, livekitToken } from './server-api.ts';

const REPORT_MS = 2000;
/** A server that says nothing for so long is gone, although TCP has not noticed; it answers each report's ping. */
const SILENCE_MS = 10_000;
const HANDSHAKE_MS = 10_000;
const RETRY_MS = [200, 500, 1000, 2000, 5000];
/** The server gives an answer up after 3 s, and asks nobody else then. */
const ANSWER_MS = 1000;
const MAX_MESSAGE = 1 << 20;
/** Offers that are being answered; each asks the server something. Of 30 at once it sends about 4 a second. */
const MAX_ANSWERING = 64;

export interface Answer {
  available: boolean;
  /** This publisher has its depth already: the job counts as done, and nobody else is asked. */
  terminate?: boolean;
  identity?: string;
  name?: string;
  attributes?: Record<string, string>;
}

/** What the server is told of this worker. */
export interface WorkerLoad {
  /** 0 to 1; the server passes over workers from 0.7 on (its `agents.target_load`). */
  load: number;
  jobs: number;
  full: boolean;
}

export interface WorkerSocketOptions {
  url: string;
  credentials: Credentials;
  agentName: string;
  version: string;
  /** Asked for each job; what takes longer than a second counts as no. */
  offer(job: Job): Promise<Answer>;
  load(): WorkerLoad;
}

interface WorkerEvents {
  registered: [workerId: string];
  assigned: [assignment: JobAssignment];
  /** The server wants this job to end: its dispatch was deleted, or its room. */
  terminated: [jobId: string];
  /** The connection was lost, or was never made; another attempt follows. */
  lost: [error: DepthcastError];
}

/**
 * The worker's side of LiveKit's agent protocol: protobuf messages over one WebSocket at `/agent`. It comes again by itself
 * after it was lost; jobs do not depend on it.
 */
export class WorkerSocket extends EventEmitter<WorkerEvents> {
  readonly #options: WorkerSocketOptions;
  #socket: WebSocket | undefined;
  #reports: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  #attempt = 0;
  #heardAt = 0;
  #answering = 0;
  #registered = false;
  #closed = false;

  constructor(options: WorkerSocketOptions) {
    super();
    this.#options = options;
  }

  get registered(): boolean {
    return this.#registered;
  }

  open(): void {
    void this.#connect().catch((thrown: Error) => this.#lost(thrown.message));
  }

  /** Tells the server how much this worker may take, at once. */
  report(): void {
    const { load, jobs, full } = this.#options.load();
    const status = full ? WorkerStatus.WS_FULL : WorkerStatus.WS_AVAILABLE;
    this.#send({ case: 'updateWorker', value: new UpdateWorkerStatus({ status, load, jobCount: jobs }) });
  }

  status(jobId: string, status: JobStatus, error = ''): void {
    this.#send({ case: 'updateJob', value: new UpdateJobStatus({ jobId, status, error }) });
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    clearInterval(this.#reports);
    this.#socket?.close();
  }

  async #connect(): Promise<void> {
    const { url, credentials } = this.#options;
    const token = await livekitToken(credentials, { agent: true });
    if (this.#closed) return;
    const socket = new WebSocket(`${url.replace(/^http/, 'ws').replace(/\/+$/, '')}/agent?protocol=1`, {
      headers: { authorization: `Bearer ${token}` },
      perMessageDeflate: false,
      maxPayload: MAX_MESSAGE,
      handshakeTimeout: HANDSHAKE_MS,
    });
    this.#socket = socket;
    let reason = '';
    socket.on('open', () => this.#register());
    socket.on('message', (bytes: Buffer) => {
      this.#heardAt = performance.now();
      this.#read(bytes);
    });
    socket.on('unexpected-response', (request, response) => {
      reason = `it answers ${response.statusCode}${response.statusCode === 401 ? ': LIVEKIT_API_KEY and LIVEKIT_API_SECRET are not its own' : ''}`;
      request.destroy();
    });
    socket.on('error', (error) => {
      reason ||= error.message || 'it does not answer';
    });
    socket.on('close', (code) => {
      if (this.#socket === socket) this.#lost(reason || `it closed the connection (${code})`);
    });
  }

  #register(): void {
    const { agentName, version } = this.#options;
    this.#send({
      case: 'register',
      value: new RegisterWorkerRequest({
        type: JobType.JT_PUBLISHER,
        agentName,
        version,
        pingInterval: REPORT_MS / 1000,
        allowedPermissions: new ParticipantPermission({
          canSubscribe: true,
          canPublish: true,
          canPublishData: true,
          canUpdateMetadata: true,
          agent: true,
        }),
      }),
    });
  }

  #read(bytes: Buffer): void {
    let message: ServerMessage['message'];
    try {
      ({ message } = ServerMessage.fromBinary(bytes));
    } catch (cause) {
      this.#socket?.close(1007);
      this.emit(
        'lost',
        new DepthcastError('LIVEKIT_FAILED', { detail: 'a message that is none of the protocol', cause }),
      );
      return;
    }
    switch (message.case) {
      case 'register':
        this.#attempt = 0;
        this.#registered = true;
        this.#heardAt = performance.now();
        clearInterval(this.#reports);
        this.#reports = setInterval(() => this.#beat(), REPORT_MS);
        this.report();
        this.emit('registered', message.value.workerId);
        break;
      case 'availability':
        if (message.value.job) void this.#answer(message.value.job);
        break;
      case 'assignment':
        this.emit('assigned', message.value);
        break;
      case 'termination':
        this.emit('terminated', message.value.jobId);
        break;
    }
  }

  async #answer(job: Job): Promise<void> {
    const answer = await this.#answerInTime(job);
    this.#send({
      case: 'availability',
      value: new AvailabilityResponse({
        jobId: job.id,
        available: answer.available,
        terminate: answer.terminate ?? false,
        participantIdentity: answer.identity ?? '',
        participantName: answer.name ?? '',
        participantAttributes: answer.attributes ?? {},
      }),
    });
    this.report();
  }

  async #answerInTime(job: Job): Promise<Answer> {
    const no: Answer = { available: false };
    if (this.#answering >= MAX_ANSWERING) return no;
    this.#answering++;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<Answer>((resolve) => {
      timer = setTimeout(() => resolve(no), ANSWER_MS);
    });
    const offer = this.#options
      .offer(job)
      .catch(() => no)
      .finally(() => this.#answering--);
    const answer = await Promise.race([offer, late]);
    clearTimeout(timer);
    return answer;
  }

  #beat(): void {
    if (performance.now() - this.#heardAt > SILENCE_MS) {
      this.#socket?.terminate();
      return;
    }
    this.report();
    this.#send({ case: 'ping', value: new WorkerPing({ timestamp: BigInt(Date.now()) }) });
  }

  #lost(detail: string): void {
    clearInterval(this.#reports);
    this.#registered = false;
    this.#socket = undefined;
    if (this.#closed) return;
    const wait = RETRY_MS[Math.min(this.#attempt++, RETRY_MS.length - 1)]!;
    this.#retry = setTimeout(() => this.open(), wait);
    this.emit('lost', new DepthcastError('LIVEKIT_FAILED', { detail, retryAfter: wait / 1000 }));
  }

  #send(message: WorkerMessage['message']): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(new WorkerMessage({ message }).toBinary());
  }
}
