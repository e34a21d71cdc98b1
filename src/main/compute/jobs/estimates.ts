import type { JobDefinition } from './job-row'

/** Weight of the newest observation. */
const ALPHA = 0.3

/** Run times that were observed, as exponentially weighted means: what the next of the same kind will take. */
export class Estimates {
  readonly #unitMs = new Map<string, number>()
  readonly #loadMs = new Map<string, number>()

  /** Milliseconds that a job runs once its engine is loaded; null when nothing like it has run. */
  runMs(definition: JobDefinition): number | null {
    if (definition.parameters.kind === 'synthetic') return definition.parameters.durationMs
    const unitMs = this.#unitMs.get(runKey(definition))
    return unitMs === undefined ? null : unitMs * unitsOf(definition)
  }

  /** @returns true when it is the first of its kind */
  observeRun(definition: JobDefinition, computeMs: number, units = unitsOf(definition)): boolean {
    if (units <= 0) return false
    return observe(this.#unitMs, runKey(definition), computeMs / units)
  }

  loadMs(engineKey: string, sizeBytes: number): number {
    // Before the first: a process starts in some 150 ms, and a file is read and prepared at some 200 MB/s.
    return this.#loadMs.get(engineKey) ?? 150 + sizeBytes / 200_000
  }

  observeLoad(engineKey: string, loadMs: number): void {
    observe(this.#loadMs, engineKey, loadMs)
  }
}

function runKey({ kind, model, modelVersion, parameters }: JobDefinition): string {
  return `${model}@${modelVersion} ${kind} ${'threads' in parameters ? parameters.threads : ''}`
}

/** What the run time grows with: items of a batch, iterations of a benchmark. */
export function unitsOf({ parameters, items }: JobDefinition): number {
  return parameters.kind === 'benchmark' ? parameters.iterations + parameters.warmup : items
}

function observe(means: Map<string, number>, key: string, value: number): boolean {
  const mean = means.get(key)
  means.set(key, mean === undefined ? value : mean + ALPHA * (value - mean))
  return mean === undefined
}
