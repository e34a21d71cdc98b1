import fc from 'fast-check'
import type { JobId } from '../../../../shared/domain/ids'
import { isTerminal } from '../../../../shared/domain/job-state'
import { AppError } from '../../../../shared/errors'
import { createHarness, type Opened } from '../harness'

const CORES = 64
const TICK_MS = 200
const WARM_UP_MS = 2_000
/** The stream never dries up, and no more than so many of it are there at once. */
const MOST_OPEN = 4
const LONGEST_SHORT_MS = 250
/** One that hangs holds the machine for so long. */
const TIMEOUT_MS = 700
const LOAD_MS = 30
/** Far longer than the others, so that its length alone would have it wait for some 40 s, and a small part of the machine. */
const LONG = { kind: 'synthetic', durationMs: 1_200_000, need: { cpuCores: 0.1 } } as const

interface Stream {
  /** Of the long job; the others have the highest there is. */
  priority: number
  /** How long the short ones run, again and again. */
  shortMs: number[]
  faults: { atMs: number; do: 'crash' | 'crashNext' | 'hangNext' | 'failLoad' | 'kill9' }[]
  /** By so much the clock is set forward, or the machine sleeps, before the long job comes. */
  sleepMs: number
}

export const stream: fc.Arbitrary<Stream> = fc.record({
  priority: fc.integer({ min: 98, max: 99 }),
  shortMs: fc.array(fc.integer({ min: 150, max: LONGEST_SHORT_MS }), { minLength: 1, maxLength: 20 }),
  faults: fc.array(
    fc.record({
      atMs: fc.integer({ min: 0, max: 30_000 }),
      do: fc.constantFrom('crash', 'crashNext', 'hangNext', 'failLoad', 'kill9'),
    }),
    { maxLength: 8 },
  ),
  sleepMs: fc.constantFrom(0, 8 * 3_600_000),
})

/**
 * How long one long, less urgent job waits in a stream of short urgent ones that fills the machine, on the real dispatcher
 * over real SQLite, while engines crash and hang, and the whole system is killed.
 * @returns with what it may wait at the most, had nothing been before it that was overdue
 */
export async function waitInStream({ priority, shortMs, faults, sleepMs }: Stream) {
  const harness = await createHarness({ cores: CORES, policy: { maxEngines: 1_000 } })
  const { clock } = harness
  const due = [...faults].sort((a, b) => b.atMs - a.atMs)
  let system = await open()
  /** Short ones that have not ended. */
  let shorts: string[] = []
  let submitted = 0

  async function open(): Promise<Opened> {
    const opened = await harness.open()
    opened.executor.loadMs = LOAD_MS
    return opened
  }

  async function suffer(fault: Stream['faults'][number]['do']): Promise<void> {
    const { executor } = system
    if (fault === 'kill9') {
      await system.die()
      system = await open()
    } else if (fault === 'crash') {
      const [engine] = executor.engines()
      if (engine) executor.crash(engine.id)
    } else if (fault === 'failLoad')
      executor.loadFailures.push(new AppError('compute.runtime_failed', 'The graph cannot be read.'))
    else executor.failures.push(fault === 'hangNext' ? 'hang' : 'crash')
  }

  async function pass(ms: number, isOver: () => boolean): Promise<number> {
    let passedMs = 0
    for (; passedMs < ms && !isOver(); passedMs += TICK_MS) {
      shorts = shorts.filter((id) => !isTerminal(system.compute.get(id).state))
      while (shorts.length < MOST_OPEN) {
        const durationMs = shortMs[submitted++ % shortMs.length] as number
        const spec = { kind: 'synthetic', durationMs, need: { cpuCores: CORES }, priority: 100 } as const
        shorts.push((await system.submit({ ...spec, timeoutMs: TIMEOUT_MS, maxAttempts: 1 })).id)
      }
      await clock.advance(TICK_MS)
    }
    return passedMs
  }

  try {
    await pass(WARM_UP_MS, () => false)
    clock.jump(sleepMs)
    await pass(WARM_UP_MS, () => false)
    const { id } = await system.submit({ ...LONG, priority })
    const isOver = () => system.compute.get(id as JobId).state !== 'queued'
    let waitedMs = 0
    while (waitedMs < 60_000 && !isOver()) {
      const next = due.at(-1)
      if (next && next.atMs <= waitedMs) await suffer((due.pop() as typeof next).do)
      waitedMs += await pass(Math.max(TICK_MS, Math.min(60_000, next?.atMs ?? 60_000) - waitedMs), isOver)
    }
    // Of the whole machine.
    const backlogMs = (LONG.durationMs * LONG.need.cpuCores) / CORES + MOST_OPEN * LONGEST_SHORT_MS
    const paceMs = Math.max(1_000, 0.45 * Math.sqrt(backlogMs * waitedMs))
    const boundMs = (100 - priority) * 6_000 + 4.5 * paceMs + TIMEOUT_MS + LOAD_MS + TICK_MS
    return { waitedMs, boundMs }
  } finally {
    await system.die()
    await harness.remove()
  }
}
