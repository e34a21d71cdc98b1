import type { DeviceKind, Isolation, ModelFormat, RuntimeBackend } from '../../shared/contract'
import type { Program } from '../platform/processes'
import type { Probe } from './protocol'

/** The folder of the files of the version whose graph bare weights run in, among the files of a version to load. */
export const ARCHITECTURE = 'architecture/'

/** What an estimate of memory is made from. */
export interface SizedVersion {
  format: ModelFormat
  sizeBytes: number
  /** Those of the graph that weights run in lie under {@link ARCHITECTURE}, and are not in `sizeBytes`. */
  files?: readonly { path: string; sizeBytes: number }[]
  metadata?: Readonly<Record<string, unknown>>
  /** Tokens that a language model is to hold in mind, over all that it writes at once. */
  contextTokens?: number
}

/** What is known of a worker that is about to be started. */
export interface WorkerStart {
  entry: string
  /** Where it connects to; null when it is only asked whether it works. */
  socketPath: string | null
  /** Absolute paths of the version's files: all that it has to read. */
  files: readonly string[]
  /** What it is told through its environment. */
  options: string
}

/** An accelerator that a job has leased. */
export interface LeasedDevice {
  id: string
  kind: DeviceKind
  vendor: string
  /** By which the vendor's own libraries know it. */
  uuid: string | null
  /** Whether there is no other of its kind: then a library that chooses by itself can only take this one. */
  isOnly: boolean
  /** `uuid` of further devices like it that the same job has. */
  more: readonly string[]
}

/** How a worker is bound to what it may compute on. */
export interface Binding {
  /** What it computes on: `cpu`, or a way to use the device. */
  backend: string
  /** Whether it computes on the device. */
  usesDevice: boolean
  options: string
}

export interface RuntimeProbe extends Probe {
  /** What of the runtime's formats works here; absent: all of them. */
  formats?: readonly ModelFormat[]
  /** All that it could run on; absent: `backend` alone. */
  backends?: readonly RuntimeBackend[]
  /** How a worker is started whose job has leased this device; absent, or without one: on `backend`. */
  bind?(device: LeasedDevice | null): Binding
  /** What the runtime's workers are told through their environment. */
  options: string
  /** What its workers run under; null: this very executable as plain Node. */
  program: ((start: WorkerStart) => Program) | null
  isolation: Isolation
}

/** Asks the runtime's worker, in a process of its own, whether it works here. */
export type AskWorker = (options: string, program?: RuntimeProbe['program']) => Promise<Probe>

/** What the system knows of a runtime; the runtime itself lives in worker processes only. */
export interface RuntimeAdapter {
  readonly id: string
  readonly name: string
  readonly formats: readonly ModelFormat[]
  /** Those that it runs too where its probe says so; a job that needs one waits for the answer. */
  readonly formatsPerhaps?: readonly ModelFormat[]
  /** The file of its worker in the folder of built workers, or an absolute path. */
  readonly entry: string
  /** The id of the plugin that brought it; absent: a part of LLMAgentOS. */
  readonly plugin?: string
  /** Of the plugin's files. */
  readonly pluginDigest?: string
  /** Before each start of a worker. @throws AppError `compute.no_runtime` when it must not be started any more */
  assertUnchanged?(): Promise<void>
  probe(ask: AskWorker): Promise<RuntimeProbe>
  /** Bytes that a worker with this version loaded is expected to take; null: the worker alone. */
  estimateMemory(version: SizedVersion | null): number
}
