import fc from 'fast-check'
import type { JobSpecInput } from '../../../../shared/contract'
import type { JobId, PrincipalId } from '../../../../shared/domain/ids'
import { isTerminal } from '../../../../shared/domain/job-state'
import { AppError } from '../../../../shared/errors'
import { ALICE, createHarness, type Opened, passUntil } from '../harness'

const BOB = 'p-bob' as PrincipalId
const CORES = 64
const TICK_MS = 200
const WARM_UP_MS = 2_000
/** The stream never dries up, and no more than so many of it are there at once. */
const MOST_OPEN = 4
const LONGEST_SHORT_MS = 250
/** One that hangs holds the machine for so long. */
const TIMEOUT_MS = 700
const LOAD_MS = 30
/** A write on the disk. */
const SLOWEST_MS = 50
/** So many are between the end of a job and the start of the next. */
const WRITES = 4
/** Longer nobody looks. */
const MOST_MS = 60_000
const NIGHT_MS = 8 * 3_600_000
/** Far longer than the others, so that its length alone would have it wait for some 40 s, and a small part of the machine. */
const LONG = { kind: 'synthetic', durationMs: 1_200_000, need: { cpuCores: 0.1 } } as const

interface Stream {
  /** Of the long job; the others have the highest there is. */
  priority: number
  /** How long the short ones run, again and again. */
  shortMs: number[]
  /** Of the one whose job is long; that of the other is 1. Both have short ones in turn. */
  weight: number
  faults: { atMs: number; do: 'crash' | 'crashNext' | 'hangNext' | 'failLoad' | 'kill9' }[]
  slowDiskMs: number
  /** By so much the clock is set forward, or the machine sleeps, before the long job comes. */
  sleepMs: number
  /** Also while it waits, so long after it came. */
  sleepsAgainAtMs: number | null
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
  weight: fc.constantFrom(0.1, 1, 5),
  slowDiskMs: fc.constantFrom(0, 20, SLOWEST_MS),
  sleepMs: fc.constantFrom(0, NIGHT_MS),
  sleepsAgainAtMs: fc.option(fc.integer({ min: 5_000, max: 30_000 }), { freq: 2 }),
})

/**
 * How long one long, less urgent job waits in a stream of short urgent ones that fills the machine, of the same principal and
 * of another, on the real dispatcher over real SQLite, while engines crash and hang, the disk is slow, the machine sleeps, and
 * the whole system is killed.
 * @returns with what it may wait at the most while the machine is awake, had nothing been before it that was overdue
 */
export async function waitInStream(given: Stream) {
  const { priority, shortMs, weight, faults, slowDiskMs, sleepMs, sleepsAgainAtMs } = given
  const harness = await createHarness({ cores: CORES, policy: { maxEngines: 1_000 } })
  const { clock, disk } = harness
  const due: { atMs: number; suffer(): unknown }[] = faults.map(({ atMs, do: what }) => ({
    atMs,
    suffer: () => suffer(what),
  }))
  let sleptMs = 0
  if (sleepsAgainAtMs !== null) due.push({ atMs: sleepsAgainAtMs, suffer: sleep })
  due.sort((a, b) => b.atMs - a.atMs)
  let system = await open()
  /** Short ones that have not ended. */
  let shorts: string[] = []
  let submitted = 0

  async function open(): Promise<Opened> {
    const opened = await harness.open()
    opened.executor.loadMs = LOAD_MS
    return opened
  }

  function sleep(): void {
    sleptMs += NIGHT_MS
    clock.jump(NIGHT_MS)
  }

  async function suffer(fault: Stream['faults'][number]['do']): Promise<void> {
    const { executor } = system
    if (fault === 'kill9') {
      await system.kill()
      system = await open()
    } else if (fault === 'crash') {
      const [engine] = executor.engines()
      if (engine) executor.crash(engine.id)
    } else if (fault === 'failLoad')
      executor.loadFailures.push(new AppError('compute.runtime_failed', 'The graph cannot be read.'))
    else executor.failures.push(fault === 'hangNext' ? 'hang' : 'crash')
  }

  function submit(spec: JobSpecInput, by: PrincipalId) {
    return passUntil(clock, system.submit(spec, by), 10)
  }

  async function pass(ms: number, isOver: () => boolean): Promise<void> {
    const until = clock.now() + ms
    while (clock.now() < until && !isOver()) {
      shorts = shorts.filter((id) => !isTerminal(system.compute.get(id).state))
      while (shorts.length < MOST_OPEN) {
        const by = submitted % 2 === 0 ? ALICE : BOB
        const durationMs = shortMs[submitted++ % shortMs.length] as number
        const spec = { kind: 'synthetic', durationMs, need: { cpuCores: CORES }, priority: 100 } as const
        shorts.push((await submit({ ...spec, timeoutMs: TIMEOUT_MS, maxAttempts: 1 }, by)).id)
      }
      await clock.advance(TICK_MS)
    }
  }

  try {
    system.core.setQuota({ principal: ALICE, limit: {}, weight })
    disk.slowMs = slowDiskMs
    await pass(WARM_UP_MS, () => false)
    clock.jump(sleepMs)
    await pass(WARM_UP_MS, () => false)
    const { id } = await submit({ ...LONG, priority }, ALICE)
    const since = clock.now()
    const waitedMs = () => clock.now() - since - sleptMs
    const isOver = () => system.compute.get(id as JobId).state !== 'queued'
    while (waitedMs() < MOST_MS && !isOver()) {
      while ((due.at(-1)?.atMs ?? MOST_MS) <= waitedMs()) await due.pop()?.suffer()
      await pass(Math.max(TICK_MS, (due.at(-1)?.atMs ?? MOST_MS) - waitedMs()), isOver)
    }
    // Of the whole machine.
    const backlogMs = (LONG.durationMs * LONG.need.cpuCores) / CORES + MOST_OPEN * LONGEST_SHORT_MS
    const paceMs = Math.max(1_000, 0.45 * Math.sqrt(backlogMs * waitedMs()))
    const boundMs =
      (100 - priority) * 6_000 + 4.5 * paceMs + TIMEOUT_MS + LOAD_MS + TICK_MS + WRITES * slowDiskMs
    return { waitedMs: waitedMs(), boundMs }
  } finally {
    disk.slowMs = 0
    await system.die()
    await harness.remove()
  }
}
