import { DepthcastError } from '../../errors.ts';
import type { ModelManifest } from '../../model/manifest.ts';
import type { Size } from '../../model/size.ts';
import type { DeviceMemory, Engine, EngineCapabilities, EngineCheck } from '../engine.ts';
import { badModel, type Contract, checkContract } from './contract.ts';
import { DeviceLedger } from './device-ledger.ts';
import type { DeviceRuntime, DeviceSession } from './device-runtime.ts';
import type { DeviceState } from './device-state.ts';
import { StateMemory } from './state-memory.ts';
import { graphBytes, memoryShapes, stateBytes, type Traffic } from './state-shapes.ts';

/** Sizes of one open network whose helper graphs stay loaded without a stream. */
const MAX_IDLE_SIZES = 2;

export interface DeviceEngineOptions {
  capabilities?: Partial<EngineCapabilities>;
  /** What the network and its streams take of the device's memory is entered here; not bounded when absent. */
  ledger?: DeviceLedger;
}

/** A network whose streams' states never leave the device. Of either form of the contract. */
export class DeviceEngine implements Engine {
  capabilities: EngineCapabilities;
  readonly traffic: Traffic = { frames: 0, up: 0, down: 0, control: 0 };
  readonly #manifest: ModelManifest;
  readonly #runtime: DeviceRuntime;
  readonly #session: DeviceSession;
  readonly #contract: Contract;
  readonly #ledger: DeviceLedger;
  /** Bytes of the network. */
  readonly #bytes: number;
  readonly #memories = new Map<string, StateMemory>();
  #released = false;

  private constructor(
    manifest: ModelManifest,
    runtime: DeviceRuntime,
    session: DeviceSession,
    contract: Contract,
    capabilities: EngineCapabilities,
    ledger: DeviceLedger,
    bytes: number,
  ) {
    this.#manifest = manifest;
    this.#runtime = runtime;
    this.#session = session;
    this.#contract = contract;
    this.capabilities = capabilities;
    this.#ledger = ledger;
    this.#bytes = bytes;
  }

  /**
   * Loads a graph. Takes the runtime over: it is released with the engine, or when this throws.
   * @throws DepthcastError BAD_MODEL, DEVICE_LOST, DEVICE_UNAVAILABLE where the network does not fit in the device's memory
   */
  static async load(
    manifest: ModelManifest,
    runtime: DeviceRuntime,
    graph: string,
    { capabilities = {}, ledger = new DeviceLedger() }: DeviceEngineOptions = {},
  ): Promise<DeviceEngine> {
    const { name: kind, device } = runtime;
    const bytes = graphBytes(graph);
    let taken = false;
    let session: DeviceSession | undefined;
    try {
      taken = ledger.take(bytes);
      if (!taken) throw doesNotFit(device, `the network takes ${mib(bytes)}`, ledger);
      session = await runtime.open(graph);
      const contract = checkContract(manifest, session);
      const odd = contract.caches.findIndex(({ type }) => type !== 'float32');
      if (odd >= 0)
        throw badModel(`c${odd} is ${contract.caches[odd]!.type}; on a device states are float32: use the checkpoint`);
      const known: EngineCapabilities = {
        kind,
        device,
        threads: 1,
        threadsAlone: undefined,
        summary: contract.summary,
        resamples: false,
        usesCamera: contract.focal,
        parity: undefined,
        precision: manifest.precision,
        instead: undefined,
        memory: undefined,
        check: undefined,
        ...capabilities,
      };
      return new DeviceEngine(manifest, runtime, session, contract, known, ledger, bytes);
    } catch (thrown) {
      if (taken) ledger.give(bytes);
      await session?.release();
      await runtime.release();
      if (thrown instanceof DepthcastError) throw thrown;
      const detail = `${graph}: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
      throw new DepthcastError('BAD_MODEL', { detail, cause: thrown });
    }
  }

  /** @throws DepthcastError DEVICE_UNAVAILABLE where not even one stream of this size fits */
  checkRoom(size: Size): void {
    const stream = this.stateBytes(size);
    if (this.#ledger.fits(stream) < 1)
      throw doesNotFit(
        this.capabilities.device,
        `the network takes ${mib(this.#bytes)} and a stream ${mib(stream)}`,
        this.#ledger,
      );
  }

  /** Says how its check went. @param size that it was checked at */
  trusted(check: EngineCheck, size: Size): void {
    const parity = this.capabilities.precision === 'fp32' ? undefined : check.depth;
    const memory = { model: this.#bytes, stream: this.stateBytes(size) };
    this.capabilities = { ...this.capabilities, check, memory, parity };
  }

  /** Bytes that a stream of this size takes on the device. */
  stateBytes(size: Size): number {
    return stateBytes(memoryShapes(this.#manifest, this.#contract, size));
  }

  /** Bytes of streams' states that are on the device. */
  get liveBytes(): number {
    return [...this.#memories.values()].reduce((sum, memory) => sum + memory.liveBytes, 0);
  }

  async createState(size: Size): Promise<DeviceState> {
    const memory = await this.#memory(size);
    return memory.state();
  }

  async release(): Promise<void> {
    if (this.#released) return;
    this.#released = true;
    for (const memory of this.#memories.values()) await memory.release();
    await this.#session.release();
    await this.#runtime.release();
    this.#ledger.give(this.#bytes);
  }

  async #memory(size: Size): Promise<StateMemory> {
    const key = `${size.width}x${size.height}`;
    let memory = this.#memories.get(key);
    if (memory === undefined) {
      await this.#dropIdle();
      const { caches } = this.#contract;
      if (caches.length === 0) throw badModel('it has no caches');
      memory = await StateMemory.open({
        manifest: this.#manifest,
        runtime: this.#runtime,
        session: this.#session,
        contract: this.#contract,
        traffic: this.traffic,
        ledger: this.#ledger,
        size,
      });
    }
    // The last used last.
    this.#memories.delete(key);
    this.#memories.set(key, memory);
    return memory;
  }

  async #dropIdle(): Promise<void> {
    const idle = [...this.#memories].filter(([, { users }]) => users.size === 0);
    for (const [key, memory] of idle.slice(0, Math.max(0, idle.length - MAX_IDLE_SIZES))) {
      this.#memories.delete(key);
      await memory.release();
    }
  }
}

/**
 * @param needs bytes of the network, which is not loaded yet, and of a stream
 * @throws DepthcastError DEVICE_UNAVAILABLE where they do not fit together
 */
export function checkFits(device: string, needs: DeviceMemory, ledger: DeviceLedger): void {
  if (ledger.fits(needs.model + needs.stream) < 1)
    throw doesNotFit(device, `the network takes ${mib(needs.model)} and a stream ${mib(needs.stream)}`, ledger);
}

const mib = (bytes: number) => `${Math.ceil(bytes / 2 ** 20)} MiB`;

function doesNotFit(device: string, what: string, { limit, used }: DeviceLedger): DepthcastError {
  const detail = `${device}: ${what}; of limits.deviceMemory, ${mib(limit)}, ${mib(Math.max(0, limit - used))} are left`;
  return new DepthcastError('DEVICE_UNAVAILABLE', { detail });
}
