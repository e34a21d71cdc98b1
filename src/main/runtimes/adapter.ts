import type { ModelFormat } from '../../shared/contract'
import type { Probe } from './protocol'

/** What an estimate of memory is made from. */
export interface SizedVersion {
  format: ModelFormat
  sizeBytes: number
}

export interface RuntimeProbe extends Probe {
  /** What the runtime's workers are told through their environment. */
  options: string
}

/** Asks the runtime's worker, in a process of its own, whether it works here. */
export type ProbeWorker = (options: string) => Promise<Probe>

/** What the system knows of a runtime; the runtime itself lives in worker processes only. */
export interface RuntimeAdapter {
  readonly id: string
  readonly name: string
  readonly formats: readonly ModelFormat[]
  /** The file of its worker in the folder of built workers. */
  readonly entry: string
  probe(ask: ProbeWorker): Promise<RuntimeProbe>
  /** Bytes that a worker with this version loaded is expected to take; null: the worker alone. */
  estimateMemory(version: SizedVersion | null): number
}
