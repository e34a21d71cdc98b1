import type { Isolation, ModelFormat } from '../../shared/contract'
import type { Program } from '../platform/processes'
import type { Probe } from './protocol'

/** What an estimate of memory is made from. */
export interface SizedVersion {
  format: ModelFormat
  sizeBytes: number
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
}

export interface RuntimeProbe extends Probe {
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
  /** The file of its worker in the folder of built workers. */
  readonly entry: string
  probe(ask: AskWorker): Promise<RuntimeProbe>
  /** Bytes that a worker with this version loaded is expected to take; null: the worker alone. */
  estimateMemory(version: SizedVersion | null): number
}
