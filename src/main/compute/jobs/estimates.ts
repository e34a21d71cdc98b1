import { type Guess, Guesses } from '../schedule/guess'
import { engineKeyOf } from './active-job'
import type { JobDefinition } from './job-row'
import { keep } from './keep'

/** Weight of the newest observation. */
const ALPHA = 0.3
/** A run is thought to stay within so many mean deviations of the mean: about nine in ten do. */
const DEVIATIONS = 2.5
/** What one observation says of the spread: nothing, so that it is taken to be as large as this part of the mean. */
const UNKNOWN_SPREAD = 0.5
/** What waits is estimated anew when a mean has moved by this part of itself. */
const MOVED = 0.1

/** Time of one unit, as exponentially weighted mean and mean deviation. */
interface Observed {
  mean: number
  deviation: number
  /** The mean when it was last said to have moved. */
  told: number
}

/**
 * Run times that were observed: what the next of the same kind will take. Kept by version, kind of job, threads and kind of
 * device; of these by batch size and part of the accelerator; of these by size; and of all by device. The closest that has
 * been seen serves.
 */
export class Estimates {
  readonly #units = new Map<string, Observed>()
  readonly #loadMs = new Map<string, number>()
  readonly #guesses = new Guesses()
  /** Engine keys of what has moved since it was last asked for. */
  #moved = new Set<string>()

  /** Milliseconds that a job runs once its engine is loaded; null when nothing like it has run. */
  runMs(definition: JobDefinition): number | null {
    if (definition.parameters.kind === 'synthetic') return definition.parameters.durationMs
    const unit = this.#unitOf(definition)
    return unit && unit.mean * unitsOf(definition)
  }

  /**
   * As {@link runMs}, on one device: what was seen there, else what its kind takes. Another setup there is no guide where
   * the same was seen on others of its kind.
   */
  runMsOn(definition: JobDefinition, device: string): number | null {
    const units = unitsOf(definition)
    const [sized, setup, run] = keysOf(definition, units)
    const on = (key: string) => deviceKey(key, device)
    const seen = this.#closest([on(sized), on(setup), sized, setup, on(run), run])
    return seen ? seen.mean * units : this.runMs(definition)
  }

  /** True where something like it, of whatever size, has run on this very device. */
  knows(definition: JobDefinition, device: string): boolean {
    return this.#units.has(deviceKey(setupKey(definition), device))
  }

  /** Milliseconds that it is thought to stay within, from how far the others spread; null when none has run. */
  mostMs(definition: JobDefinition): number | null {
    if (definition.parameters.kind === 'synthetic') return definition.parameters.durationMs
    const unit = this.#unitOf(definition)
    return unit && (unit.mean + DEVIATIONS * unit.deviation) * unitsOf(definition)
  }

  /** What it may run where nothing like it has run; null where something has. */
  guess(definition: JobDefinition): Guess | null {
    return this.runMs(definition) === null ? this.#guesses.of(definition.kind, unitsOf(definition)) : null
  }

  /**
   * Of synthetic loads, whose length is told, nothing is learned.
   * @param device that did the work @returns true when it is the first of its kind
   */
  observeRun(
    definition: JobDefinition,
    computeMs: number,
    device: string | null,
    units = unitsOf(definition),
  ): boolean {
    if (units <= 0 || definition.parameters.kind === 'synthetic') return false
    const isFirst = !this.#units.has(runKey(definition))
    if (isFirst) this.#guesses.observe(definition.kind, computeMs / units)
    const keys = keysOf(definition, units)
    if (device !== null) keys.push(...keys.map((of) => deviceKey(of, device)))
    let moved = false
    for (const of of keys) moved = this.#observeUnit(of, computeMs / units) || moved
    if (moved) this.#moved.add(engineKeyOf(definition))
    return isFirst
  }

  /** Engine keys of the jobs whose estimates have changed by much since this was last called. */
  takeMoved(): ReadonlySet<string> {
    const moved = this.#moved
    if (moved.size > 0) this.#moved = new Set()
    return moved
  }

  loadMs(engineKey: string, sizeBytes: number): number {
    // Before the first: a process starts in some 150 ms, and a file is read and prepared at some 200 MB/s.
    return this.#loadMs.get(engineKey) ?? 150 + sizeBytes / 200_000
  }

  observeLoad(engineKey: string, loadMs: number): void {
    const mean = this.#loadMs.get(engineKey)
    keep(this.#loadMs, engineKey, mean === undefined ? loadMs : mean + ALPHA * (loadMs - mean))
  }

  #unitOf(definition: JobDefinition): Observed | null {
    return this.#closest(keysOf(definition, unitsOf(definition)))
  }

  #closest(keys: readonly string[]): Observed | null {
    for (const key of keys) {
      const seen = this.#units.get(key)
      if (seen) return seen
    }
    return null
  }

  /** @returns true when it has moved by much */
  #observeUnit(of: string, value: number): boolean {
    const known = this.#units.get(of)
    const unit = known ?? { mean: value, deviation: UNKNOWN_SPREAD * value, told: Number.NaN }
    if (known) {
      const off = value - known.mean
      known.mean += ALPHA * off
      known.deviation += ALPHA * (Math.abs(off) - known.deviation)
    }
    keep(this.#units, of, unit)
    if (Math.abs(unit.mean - unit.told) <= MOVED * unit.told) return false
    unit.told = unit.mean
    return true
  }
}

/** Under which what it takes is known, the closest first. */
function keysOf(definition: JobDefinition, units: number): [sized: string, setup: string, run: string] {
  const setup = setupKey(definition)
  return [`${setup} ${powerOfTwo(units)}`, setup, runKey(definition)]
}

function runKey({ kind, model, modelVersion, parameters, need }: JobDefinition): string {
  const device = need.gpu ? 'gpu' : need.npu ? 'npu' : need.fpga ? 'fpga' : 'cpu'
  return `${model}@${modelVersion} ${kind} ${'threads' in parameters ? parameters.threads : ''} ${device}`
}

/** With what a unit takes more or less time in: how many go together, and tenths of an accelerator. */
function setupKey(definition: JobDefinition): string {
  const { gpu, npu, fpga } = definition.need
  const tenths = Math.round(10 * (gpu || npu || fpga || 0))
  return `${runKey(definition)} ${powerOfTwo(batchSizeOf(definition))} ${tenths}`
}

function deviceKey(key: string, device: string): string {
  return `${key} @${device}`
}

/** Sizes that round to the same are alike. */
function powerOfTwo(size: number): number {
  return Math.round(Math.log2(Math.max(1, size)))
}

/** Of one engine and need, those with the same are expected to run as long. */
export function likenessOf(definition: JobDefinition): string {
  const { kind, parameters } = definition
  if (parameters.kind === 'synthetic') return `${kind} ${parameters.durationMs}`
  return `${kind} ${unitsOf(definition)} ${powerOfTwo(batchSizeOf(definition))}`
}

/** Items in one call of the model. */
function batchSizeOf({ parameters, items }: JobDefinition): number {
  return parameters.kind === 'batch' ? Math.min(parameters.batchSize, items) : 1
}

/** What the run time grows with: items of a batch, iterations of a benchmark, tokens that may be written. */
function unitsOf({ parameters, items }: JobDefinition): number {
  if (parameters.kind === 'benchmark') return parameters.iterations + parameters.warmup
  if (parameters.kind === 'generate') return parameters.sampling.maxTokens * parameters.sampling.completions
  return items
}
