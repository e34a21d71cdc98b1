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
  /** Milliseconds for each job in stacks of 2, 4, 8, ... */
  stackedMs: number[]
}

export const ALONE: Together = { most: 1, stack: 'no' }
const ALPHA = 0.3
const MOST = 64
/** Jobs so short that all end within this time run together in any case: it saves what lies between them. */
const QUICK_MS = 20
/** The first of a stack waits no longer for its answer than so many times what it would alone, or {@link QUICK_MS}. */
const PATIENCE = 2
/** Twice as large a stack is worth it when each takes at most this part of what it took before. */
const GAIN = 0.9
/** A larger stack is tried while the one before takes no more than this part of the longest time. */
const TRY_BELOW = 0.75

/**
 * Dynamic batching: nobody waits for company on an idle engine. What has come while a run lasted goes into the next one,
 * as far as that has proved to serve: larger stacks are tried one step at a time and kept where each job gets cheaper.
 */
export class Company {
  readonly #seen = new Map<string, Seen>()

  /** @param key of the engine: what is learned of one version, threads and device says nothing of others */
  wanted(key: string): Together {
    const seen = this.#seen.get(key)
    if (!seen) return ALONE
    const quick = Math.max(1, Math.min(MOST, Math.floor(QUICK_MS / Math.max(seen.singleMs, 1e-3))))
    if (seen.alike === null) return { most: 2, stack: 'check' }
    const stacked = seen.alike ? bestStack(seen) : 1
    return stacked > 1 ? { most: stacked, stack: 'yes' } : { most: quick, stack: 'no' }
  }

  /** @param computeMs of all `count` together */
  learn(key: string, count: number, computeMs: number, stacked: boolean): void {
    const each = computeMs / count
    const seen = this.#seen.get(key)
    if (!seen) {
      if (!stacked) this.#seen.set(key, { singleMs: each, alike: null, stackedMs: [] })
    } else if (stacked) {
      const level = levelOf(count)
      seen.stackedMs[level] = moved(seen.stackedMs[level], each)
    } else seen.singleMs = moved(seen.singleMs, each)
  }

  /** What a `check` has shown. */
  checked(key: string, count: number, stacked: { alike: boolean; computeMs: number }): void {
    const seen = this.#seen.get(key)
    if (!seen) return
    seen.alike = stacked.alike
    this.learn(key, count, stacked.computeMs, true)
  }
}

/** The largest stack to which every step has made each job cheaper, or the next one if that is still to be seen. */
function bestStack({ singleMs, stackedMs }: Seen): number {
  const longestMs = Math.max(QUICK_MS, PATIENCE * singleMs)
  let before = singleMs
  for (let level = 1; 2 ** level <= MOST; level++) {
    const smaller = 2 ** (level - 1)
    const each = stackedMs[level]
    if (each === undefined) return before * smaller <= TRY_BELOW * longestMs ? 2 * smaller : smaller
    if (each > GAIN * before || each * 2 * smaller > longestMs) return smaller
    before = each
  }
  return MOST
}

function levelOf(count: number): number {
  return Math.max(1, Math.round(Math.log2(count)))
}

function moved(mean: number | undefined, value: number): number {
  return mean === undefined ? value : mean + ALPHA * (value - mean)
}
