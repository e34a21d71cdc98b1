import type { JobDefinition } from './job-row'

/** Weight of the newest observation. */
const ALPHA = 0.3
/** A run is thought to stay within so many mean deviations of the mean: about nine in ten do. */
const DEVIATIONS = 2.5
/** What one observation says of the spread: nothing, so that it is taken to be as large as this part of the mean. */
const UNKNOWN_SPREAD = 0.5

/** Time of one unit, as exponentially weighted mean and mean deviation. */
interface Observed {
  mean: number
  deviation: number
}

/**
 * Run times that were observed: what the next of the same kind will take. Kept by version, kind of job, threads, kind of
 * device and size of the batch (in powers of two); for a size that has not been seen yet, what all sizes took serves.
 */
export class Estimates {
  readonly #units = new Map<string, Observed>()
  readonly #loadMs = new Map<string, number>()

  /** Milliseconds that a job runs once its engine is loaded; null when nothing like it has run. */
  runMs(definition: JobDefinition): number | null {
    if (definition.parameters.kind === 'synthetic') return definition.parameters.durationMs
    const unit = this.#unitOf(definition)
    return unit && unit.mean * unitsOf(definition)
  }

  /** As {@link runMs}, on one device: what was seen there, else what its kind takes. */
  runMsOn(definition: JobDefinition, device: string): number | null {
    const seen = this.#units.get(deviceKey(runKey(definition), device))
    return seen ? seen.mean * unitsOf(definition) : this.runMs(definition)
  }

  /** True where something like it has run on this very device. */
  knows(definition: JobDefinition, device: string): boolean {
    return this.#units.has(deviceKey(runKey(definition), device))
  }

  /** Milliseconds that it is thought to stay within, from how far the others spread; null when none has run. */
  mostMs(definition: JobDefinition): number | null {
    if (definition.parameters.kind === 'synthetic') return definition.parameters.durationMs
    const unit = this.#unitOf(definition)
    return unit && (unit.mean + DEVIATIONS * unit.deviation) * unitsOf(definition)
  }

  /** @param device that did the work @returns true when it is the first of its kind */
  observeRun(
    definition: JobDefinition,
    computeMs: number,
    device: string | null,
    units = unitsOf(definition),
  ): boolean {
    if (units <= 0) return false
    const key = runKey(definition)
    const isFirst = !this.#units.has(key)
    const keys = [key, sizedKey(key, units), ...(device === null ? [] : [deviceKey(key, device)])]
    for (const of of keys) observeUnit(this.#units, of, computeMs / units)
    return isFirst
  }

  #unitOf(definition: JobDefinition): Observed | null {
    const key = runKey(definition)
    return this.#units.get(sizedKey(key, unitsOf(definition))) ?? this.#units.get(key) ?? null
  }

  loadMs(engineKey: string, sizeBytes: number): number {
    // Before the first: a process starts in some 150 ms, and a file is read and prepared at some 200 MB/s.
    return this.#loadMs.get(engineKey) ?? 150 + sizeBytes / 200_000
  }

  observeLoad(engineKey: string, loadMs: number): void {
    observe(this.#loadMs, engineKey, loadMs)
  }
}

function runKey({ kind, model, modelVersion, parameters, need }: JobDefinition): string {
  const device = need.gpu ? 'gpu' : need.npu ? 'npu' : need.fpga ? 'fpga' : 'cpu'
  return `${model}@${modelVersion} ${kind} ${'threads' in parameters ? parameters.threads : ''} ${device}`
}

function deviceKey(key: string, device: string): string {
  return `${key} @${device}`
}

function sizedKey(key: string, units: number): string {
  return `${key} ${Math.round(Math.log2(Math.max(1, units)))}`
}

/** What the run time grows with: items of a batch, iterations of a benchmark. */
export function unitsOf({ parameters, items }: JobDefinition): number {
  return parameters.kind === 'benchmark' ? parameters.iterations + parameters.warmup : items
}

function observe(means: Map<string, number>, key: string, value: number): void {
  const mean = means.get(key)
  means.set(key, mean === undefined ? value : mean + ALPHA * (value - mean))
}

function observeUnit(seen: Map<string, Observed>, key: string, value: number): void {
  const unit = seen.get(key)
  if (!unit) {
    seen.set(key, { mean: value, deviation: UNKNOWN_SPREAD * value })
    return
  }
  const off = value - unit.mean
  unit.mean += ALPHA * off
  unit.deviation += ALPHA * (Math.abs(off) - unit.deviation)
}
