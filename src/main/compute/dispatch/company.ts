import type { JobDefinition } from '../jobs/job-row'
import { keep } from '../jobs/keep'
import { STALL_MS } from './attempt'

/** How many jobs for one engine are to run in one go, and whether their inputs are laid together. */
export interface Together {
  most: number
  /** `check`: whether that gives the same answers is still to be seen. */
  stack: 'no' | 'check' | 'yes'
}

interface Seen {
  /** Milliseconds of one job by itself, as moving mean. */
  singleMs: number
  /** Whether stacked inputs gave the same answers as single ones. */
  alike: boolean | null
  /** What stacks of 2, 4, 8, ... take in all, ms; and in which run one was last seen. */
  stacks: ({ ms: number; run: number } | undefined)[]
  /** Stacks that have run. */
  runs: number
}

export const ALONE: Together = { most: 1, stack: 'no' }
/** What else the machine does makes a run longer, never shorter: means follow what is less at once, what is more slowly. */
const ALPHA = { less: 0.5, more: 0.1 }
/** After so many runs of others a size that did not serve is tried again: it may have had bad luck. */
const FORGOTTEN_RUNS = 64
const MOST = 64
/** Jobs so short that all end within this time run together in any case: it saves what lies between them. */
const QUICK_MS = 20
/** Unless it says otherwise a job is to be done within so many times what it takes alone, or {@link QUICK_MS}. */
const PATIENCE = 2
/** Twice as large a stack is worth it when each takes at most this part of what it took before. */
const GAIN = 0.9
/** A larger stack is tried while the one before takes no more than this part of the longest time. */
const TRY_BELOW = 0.75

/**
 * Dynamic batching: what has come while a run lasted goes into the next one, as far as that has proved to serve: larger
 * stacks are tried one step at a time and kept where each job gets cheaper.
 */
export class Company {
  readonly #seen = new Map<string, Seen>()
  /** How many may run in one go where more have outgrown their lease. */
  readonly #limits = new Map<string, number>()

  /**
   * @param key of the engine: what is learned of one version, threads and device says nothing of others
   * @param latencyTargetMs of the job, from when it could start until it has ended; null: the usual
   */
  wanted(key: string, latencyTargetMs: number | null = null): Together {
    const seen = this.#seen.get(key)
    const limit = this.#limits.get(key) ?? MOST
    if (!seen || limit === 1) return ALONE
    const longestMs = targetMsOf(seen, latencyTargetMs)
    const quickMs = Math.min(QUICK_MS, longestMs)
    const quick = Math.max(1, Math.min(limit, Math.floor(quickMs / Math.max(seen.singleMs, 1e-3))))
    // As many as are quick, since inputs that are all the same, or of different form, show nothing: those run singly.
    if (seen.alike === null) return { most: Math.max(2, quick), stack: 'check' }
    const stacked = seen.alike ? Math.min(limit, bestStack(seen, longestMs)) : 1
    return stacked > 1 ? { most: stacked, stack: 'yes' } : { most: quick, stack: 'no' }
  }

  /** What so many take in a stack; null where larger ones than have been seen would have to tell. */
  runMs(key: string, count: number): number | null {
    const seen = this.#seen.get(key)
    if (!seen) return null
    const level = Math.floor(Math.log2(count))
    const below = stackMs(seen, level)
    const part = count / 2 ** level - 1
    const above = part === 0 ? below : stackMs(seen, level + 1)
    return below === null || above === null ? null : below + part * (above - below)
  }

  /** What so many take in one go at the most, unless something is amiss; null: nothing is known. */
  longestMs(key: string, count: number, stack: Together['stack']): number | null {
    const seen = this.#seen.get(key)
    if (!seen) return null
    const singlyMs = count * seen.singleMs
    if (stack === 'check') return 2 * singlyMs
    return (stack === 'yes' ? this.runMs(key, count) : null) ?? singlyMs
  }

  /** By when a job is to have ended, from when it could start. @param latencyTargetMs as it says; null: the usual */
  targetMs(key: string, latencyTargetMs: number | null): number {
    const seen = this.#seen.get(key)
    return seen ? targetMsOf(seen, latencyTargetMs) : (latencyTargetMs ?? QUICK_MS)
  }

  /** @param computeMs of all `count` together */
  learn(key: string, count: number, computeMs: number, stacked: boolean): void {
    const each = computeMs / count
    const seen = this.#seen.get(key)
    if (!seen) {
      if (!stacked) keep(this.#seen, key, { singleMs: each, alike: null, stacks: [], runs: 0 })
      return
    }
    if (stacked) learnStack(seen, count, computeMs)
    else seen.singleMs = moved(seen.singleMs, each)
    keep(this.#seen, key, seen)
  }

  /** What a `check` has shown. */
  checked(key: string, count: number, stacked: { alike: boolean; computeMs: number }): void {
    const seen = this.#seen.get(key)
    if (!seen) return
    seen.alike = stacked.alike
    this.learn(key, count, stacked.computeMs, true)
  }

  /** So many took more than their lease: from now on at most half as many run in one go. */
  outgrew(key: string, count: number): void {
    const half = Math.max(1, Math.floor(count / 2))
    keep(this.#limits, key, Math.min(half, this.#limits.get(key) ?? MOST))
  }
}

/** So long a job may run in company: within its timeout, and half of what is left to its deadline, to run by itself after. */
export function patienceMs(
  { timeoutMs, deadline }: Pick<JobDefinition, 'timeoutMs' | 'deadline'>,
  nowMs: number,
): number {
  return Math.min(timeoutMs ?? STALL_MS, ((deadline ?? Number.POSITIVE_INFINITY) - nowMs) / 2)
}

/** The largest stack to which every step has made each job cheaper, or the next one if that is still to be seen. */
function bestStack({ singleMs, stacks, runs }: Seen, longestMs: number): number {
  let beforeMs = singleMs
  for (let level = 1; 2 ** level <= MOST; level++) {
    const stack = stacks[level]
    if (!stack || stack.ms > 2 * GAIN * beforeMs || stack.ms > longestMs) {
      const isOpen = !stack || isForgotten(stack, runs)
      return 2 ** (isOpen && beforeMs <= TRY_BELOW * longestMs ? level : level - 1)
    }
    beforeMs = stack.ms
  }
  return MOST
}

function learnStack(seen: Seen, count: number, ms: number): void {
  const { stacks } = seen
  const level = levelOf(count)
  const before = stacks[level]
  const mean = before && !isForgotten(before, seen.runs) ? before.ms : undefined
  stacks[level] = { ms: moved(mean, (ms * 2 ** level) / count), run: ++seen.runs }
  // Fewer take no longer than more, though they may have when they were last seen.
  seen.singleMs = Math.min(seen.singleMs, ms)
  for (const smaller of stacks.slice(0, level)) if (smaller) smaller.ms = Math.min(smaller.ms, ms)
}

function isForgotten({ run }: { run: number }, runs: number): boolean {
  return runs - run > FORGOTTEN_RUNS
}

function targetMsOf({ singleMs }: Seen, latencyTargetMs: number | null): number {
  return latencyTargetMs ?? Math.max(QUICK_MS, PATIENCE * singleMs)
}

/** What 2^level in one stack take. */
function stackMs({ singleMs, stacks }: Seen, level: number): number | null {
  return level === 0 ? singleMs : (stacks[level]?.ms ?? null)
}

function levelOf(count: number): number {
  return Math.max(1, Math.round(Math.log2(count)))
}

function moved(mean: number | undefined, value: number): number {
  if (mean === undefined) return value
  return mean + (value < mean ? ALPHA.less : ALPHA.more) * (value - mean)
}
