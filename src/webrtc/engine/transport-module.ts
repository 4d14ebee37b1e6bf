import type { KeyObject } from 'node:crypto';
import { randomFillSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostCrypto } from './host-crypto.ts';

/** What is used of WebAssembly; TypeScript's own types for it come only with those of browsers. */
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: object) => { exports: object };
};

/** See native/transport/src. Negative results are the length of an error message in the output buffer. */
interface Exports {
  memory: { readonly buffer: ArrayBuffer };
  _initialize?(): void;
  in_at(): number;
  out_at(): number;
  dtls_new(client: number, version: number, certificateLength: number, mtu: number): number;
  dtls_packet(length: number): number;
  dtls_timeout(): number;
  dtls_send(length: number): number;
  dtls_close(): number;
  dtls_awaits_ccs(): number;
  dtls_version(): number;
  dtls_poll(): number;
  sctp_new(port: number, maxSend: number, maxReceive: number, window: number, mtu: number, streams: number): number;
  sctp_packet(length: number): undefined;
  sctp_timeout(): undefined;
  sctp_open(stream: number, unordered: number, kind: number, value: number): number;
  sctp_send(stream: number, ppid: number, length: number): number;
  sctp_unsent(stream: number): number;
  sctp_reset(stream: number): number;
  sctp_close(): number;
  sctp_poll(): number;
}

const NS_PER_MS = 1e6;
const WORD = 2 ** 32;
let compiled: object | undefined;

/** The module, compiled once a process: 25 ms. */
function module(): object {
  compiled ??= new WebAssembly.Module(readFileSync(new URL('transport.wasm', import.meta.url)));
  return compiled;
}

/**
 * One peer's instance of the module: DTLS and SCTP of that peer, and nothing of any other. It has 16 MiB of memory at most, and
 * a panic in it is an exception for its peer alone. It has no clock and no sockets: set `now` before each call.
 */
export class TransportModule {
  /** ms, of any clock that does not go back. */
  now = 0;
  readonly calls: Exports;
  readonly #inAt: number;
  readonly #outAt: number;
  /** Of the module's whole memory, which may grow. */
  #bytes = new Uint8Array();
  #view = new DataView(new ArrayBuffer());

  /** @param key signs our handshakes; it never enters the module's memory */
  constructor(key?: KeyObject) {
    const buffer = () => this.calls.memory.buffer;
    const view = (at: number, length: number) => new Uint8Array(buffer(), at, length);
    const memory = () => this.#memory();
    const wasi = {
      random_get: (at: number, length: number) => {
        randomFillSync(view(at, length));
        return 0;
      },
      clock_time_get: (_clock: number, _precision: bigint, at: number) => {
        // Several times for each packet: no number beyond 2^53 is made, and no BigInt.
        const time = Math.round(this.now * NS_PER_MS);
        memory().setUint32(at, time % WORD, true);
        memory().setUint32(at + 4, time / WORD, true);
        return 0;
      },
      environ_get: () => 0,
      environ_sizes_get: (count: number, size: number) => {
        memory().setUint32(count, 0, true);
        memory().setUint32(size, 0, true);
        return 0;
      },
      /** A panic's text: the exception that follows says enough. */
      fd_write: (_file: number, vectors: number, count: number, written: number) => {
        let total = 0;
        for (let i = 0; i < count; i++) total += memory().getUint32(vectors + 8 * i + 4, true);
        memory().setUint32(written, total, true);
        return 0;
      },
      proc_exit: (code: number) => {
        throw new Error(`the transport module ended with ${code}`);
      },
    };
    const { exports } = new WebAssembly.Instance(module(), {
      wasi_snapshot_preview1: wasi,
      host: hostCrypto(view, key),
    });
    this.calls = exports as Exports;
    this.calls._initialize?.();
    this.#inAt = this.calls.in_at();
    this.#outAt = this.calls.out_at();
  }

  get memoryBytes(): number {
    return this.calls.memory.buffer.byteLength;
  }

  /** Fills the input buffer. @returns its length */
  put(data: Uint8Array): number {
    this.#memory();
    this.#bytes.set(data, this.#inAt);
    return data.length;
  }

  /** A copy of the output buffer. */
  take(length: number): Buffer {
    this.#memory();
    const copy = Buffer.allocUnsafe(length);
    copy.set(this.#bytes.subarray(this.#outAt, this.#outAt + length));
    return copy;
  }

  /** When the next timeout is due after a poll that returned kind 0. */
  takeDeadline(): number {
    return this.now + this.#memory().getFloat64(this.#outAt, true);
  }

  /** @throws what the module said of a call that failed */
  check(result: number): void {
    if (result < 0) throw new Error(this.take(-result).toString());
  }

  /** Views of it are made anew only where it has grown: a packet needs it some twenty times. */
  #memory(): DataView {
    const { buffer } = this.calls.memory;
    if (this.#view.buffer !== buffer) {
      this.#bytes = new Uint8Array(buffer);
      this.#view = new DataView(buffer);
    }
    return this.#view;
  }
}
