import fc from 'fast-check';
import { DepthcastError } from '../../src/errors.ts';

/** A parser of untrusted input. */
export interface FuzzTarget<T = unknown> {
  name: string;
  about: string;
  /** Valid inputs, damaged: see mutate.ts. */
  inputs: () => fc.Arbitrary<T>;
  /** Prepares what the inputs are fed to. */
  open?: () => Promise<void> | void;
  /**
   * Reads one input. It may return, or throw a DepthcastError: anything else that is thrown is a finding.
   * @returns false where the input was refused without an error
   */
  read: (input: T) => unknown;
  close?: () => Promise<void> | void;
}

export interface FuzzBudget {
  /** Whichever is reached first. */
  seconds?: number;
  runs?: number;
  /** The same seed makes the same inputs; any without one. */
  seed?: number;
  onProgress?: (inputs: number) => void;
}

export interface FuzzReport {
  target: string;
  seed: number;
  inputs: number;
  accepted: number;
  /** By error code; `silent` for those refused without an error. */
  refused: Record<string, number>;
  seconds: number;
  slowestMs: number;
  /** How far the process's memory rose above what it was. */
  memoryMb: number;
}

/** No input may take more of the processor's time, at its quickest of four tries: a busy machine is no finding. */
const MAX_MS = 1000;
/** Nor may it take longer than this to wait for. */
const MAX_WAIT_MS = 30_000;
const TRIES = 3;
const MAX_MESSAGE = 4096;
const MEMORY_EVERY = 512;
/** What a parser may hold on top of what the process had; inputs are at most 64 KiB. */
const MAX_MEMORY_MB = 1024;
const MB = 1 << 20;

/** @throws Error with the shrunken input, its seed and what went wrong */
export async function fuzz<T>(target: FuzzTarget<T>, budget: FuzzBudget): Promise<FuzzReport> {
  const { seconds = Number.POSITIVE_INFINITY, runs = Number.MAX_SAFE_INTEGER, seed = Date.now() | 0 } = budget;
  const report: FuzzReport = {
    target: target.name,
    seed,
    inputs: 0,
    accepted: 0,
    refused: {},
    seconds: 0,
    slowestMs: 0,
    memoryMb: 0,
  };
  await target.open?.();
  const began = performance.now();
  const before = process.memoryUsage.rss();
  try {
    const property = fc.asyncProperty(target.inputs(), async (input) => {
      await readOne(target, input, report);
      if (++report.inputs % MEMORY_EVERY !== 0) return;
      const risen = (process.memoryUsage.rss() - before) / MB;
      report.memoryMb = Math.max(report.memoryMb, risen);
      if (risen > MAX_MEMORY_MB) throw new Error(`memory rose by ${Math.round(risen)} MiB`);
      budget.onProgress?.(report.inputs);
    });
    const result = await fc.check(property, {
      seed,
      numRuns: runs,
      ...(Number.isFinite(seconds) ? { interruptAfterTimeLimit: seconds * 1000, markInterruptAsFailure: false } : {}),
    });
    if (result.failed)
      throw new Error(`${target.name}: ${fc.defaultReportMessage(result)}`, { cause: result.errorInstance });
  } finally {
    await target.close?.();
  }
  report.seconds = (performance.now() - began) / 1000;
  return report;
}

async function readOne<T>(target: FuzzTarget<T>, input: T, report: FuzzReport): Promise<void> {
  let { wall, cpu } = await timed(target, input, report);
  for (let i = 0; i < TRIES && wall > MAX_MS; i++) {
    const again = await timed(target, input, undefined);
    wall = Math.min(wall, again.wall);
    cpu = Math.min(cpu, again.cpu);
  }
  report.slowestMs = Math.max(report.slowestMs, Math.min(wall, cpu));
  if ((wall > MAX_MS && cpu > MAX_MS) || wall > MAX_WAIT_MS)
    throw new Error(`it took ${Math.round(wall)} ms, ${Math.round(cpu)} ms of the processor`);
}

/** Milliseconds that reading an input took, and how many of them the processor worked for this process. */
async function timed<T>(
  target: FuzzTarget<T>,
  input: T,
  report: FuzzReport | undefined,
): Promise<{ wall: number; cpu: number }> {
  const began = performance.now();
  const before = process.cpuUsage();
  let outcome = 'accepted';
  try {
    const result = target.read(input);
    // Awaiting what is no promise would cost more than most parsers.
    if ((result instanceof Promise ? await result : result) === false) outcome = 'silent';
  } catch (thrown) {
    if (!(thrown instanceof DepthcastError)) throw thrown;
    if (thrown.code === 'INTERNAL') throw new Error(`INTERNAL: ${thrown.message}`, { cause: thrown });
    if (thrown.message.length > MAX_MESSAGE) throw new Error(`a message of ${thrown.message.length} characters`);
    outcome = thrown.code;
  }
  const wall = performance.now() - began;
  const { user, system } = process.cpuUsage(before);
  if (report) {
    if (outcome === 'accepted') report.accepted++;
    else report.refused[outcome] = (report.refused[outcome] ?? 0) + 1;
  }
  return { wall, cpu: (user + system) / 1000 };
}
