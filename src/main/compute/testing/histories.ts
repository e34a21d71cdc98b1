import fc from 'fast-check'
import { sql } from 'kysely'
import { expect } from 'vitest'
import type { Job, JobSpecInput, Lease } from '../../../shared/contract'
import type { JobId, PrincipalId } from '../../../shared/domain/ids'
import { isTerminal } from '../../../shared/domain/job-state'
import type { ResourceVector } from '../../../shared/domain/resources'
import { AppError } from '../../../shared/errors'
import { settle } from '../../core/testing/fake-clock'
import { createHarness, type Opened } from './harness'

/** What may happen to the system from outside. */
const FAULTS = [
  'crash',
  'crashNext',
  'hangNext',
  'failLoad',
  'kill9',
  'stop',
  'jump',
  'slowDisk',
  'fullDisk',
  'device',
] as const
type Fault = (typeof FAULTS)[number]

export type Step =
  | {
      do: 'submit'
      kind: 'synthetic' | 'infer' | 'batch'
      ms: number
      cores: number
      gpu: boolean
      priority: number
      attempts: number
      fail: 'error' | 'crash' | 'hang' | undefined
      dependsOn: number | null
      deadline: number | null
      hold: boolean
    }
  | { do: 'cancel' | 'hold' | 'resume' | 'retry'; job: number }
  | { do: 'priority'; job: number; priority: number }
  | { do: 'advance'; ms: number }
  | { do: 'lease'; cores: number; ttlMs: number }
  | { do: Fault; at: number; ms: number }

const constants = <T extends string>(...values: T[]) => fc.constantFrom(...values)

const submit = fc.record({
  do: constants('submit'),
  kind: constants('synthetic', 'synthetic', 'infer', 'batch'),
  ms: fc.constantFrom(0, 0, 1, 20, 300),
  cores: fc.constantFrom(0, 0.5, 1, 2),
  gpu: fc.option(fc.constant(true), { nil: false, freq: 3 }).map(Boolean),
  priority: fc.integer({ min: 0, max: 100 }),
  attempts: fc.integer({ min: 1, max: 3 }),
  fail: fc.constantFrom(undefined, undefined, undefined, ...(['error', 'crash', 'hang'] as const)),
  dependsOn: fc.option(fc.nat(30), { freq: 3 }),
  deadline: fc.option(fc.integer({ min: 1, max: 2000 }), { freq: 4 }),
  hold: fc.boolean(),
})
const call = fc.record({ do: constants('cancel', 'hold', 'resume', 'retry'), job: fc.nat(30) })
const priority = fc.record({
  do: constants('priority'),
  job: fc.nat(30),
  priority: fc.integer({ min: 0, max: 100 }),
})
const advance = fc.record({ do: constants('advance'), ms: fc.constantFrom(0, 1, 10, 100, 1000) })
const lease = fc.record({
  do: constants('lease'),
  cores: fc.constantFrom(0.5, 1),
  ttlMs: fc.constantFrom(1, 50, 500),
})
const fault = fc.record({
  do: constants(...FAULTS),
  at: fc.nat(5),
  ms: fc.constantFrom(-3_600_000, -300, 20, 700, 3_600_000),
})

export const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: submit },
  { weight: 4, arbitrary: call },
  { weight: 1, arbitrary: priority },
  { weight: 6, arbitrary: advance },
  { weight: 1, arbitrary: lease },
  { weight: 4, arbitrary: fault },
)

/** As {@link step}, half of them faults. */
export const stepOrFault: fc.Arbitrary<Step> = fc.oneof(step, fault)

export const isFault = ({ do: what }: Step): boolean => (FAULTS as readonly string[]).includes(what)

const x = (n: number) => ({ x: { dtype: 'float32' as const, shape: [2], data: [n, n] } })
const GUEST = 'p-guest' as PrincipalId

/**
 * Plays a history on the real dispatcher over real SQLite, with workers and a clock of plain data. At every moment no more is
 * granted than there is, and all or nothing; at the end every job has ended once and nothing is held.
 */
export async function play(steps: readonly Step[]): Promise<void> {
  const harness = await createHarness({ cores: 2, memoryBytes: 5e6, gpus: 1, engineIdleMs: 200 })
  const { clock, disk, host } = harness
  const [cpu, gpu] = host.devices
  if (!cpu || !gpu) throw new Error('The machine has no devices.')
  const known: string[] = []
  const ends = new Map<string, number>()
  const final = new Map<string, Job['state']>()
  const errors: unknown[] = []

  async function open(): Promise<Opened> {
    const opened = await harness.open()
    opened.executor.memoryBytes = 2e6
    opened.executor.itemMs = 7
    opened.executor.loadMs = 30
    opened.compute.onDidChangeJobs(({ changed }) => {
      for (const job of changed) {
        if (!isTerminal(job.state)) {
          if (final.has(job.id)) errors.push(`${job.id} left ${final.get(job.id)} for ${job.state}`)
          continue
        }
        ends.set(job.id, (ends.get(job.id) ?? 0) + 1)
        final.set(job.id, job.state)
      }
    })
    return opened
  }

  /** @param setMs by so much the clock is set while nothing runs */
  async function reopen(setMs: number): Promise<void> {
    await system.die()
    clock.jump(setMs)
    system = await open()
  }

  /** Calls go on while time does; what they refuse must be a refusal of the vocabulary. */
  function call(work: Promise<unknown>): void {
    work.catch((error: unknown) => {
      if (!(error instanceof AppError) || error.code === 'internal') errors.push(error)
    })
  }

  function check(): void {
    const leases = system.core.listLeases()
    for (const held of leases)
      expect(sumOf(held.placement.map(({ amounts }) => amounts))).toEqual(sumOf([held.need]))
    for (const { id, capacity } of [cpu, gpu].flatMap((device) => device ?? [])) {
      const granted = sumOf(partsOn(id, leases))
      const most = sumOf([capacity])
      for (const [name, amount] of granted)
        expect([id, name, amount <= (most.get(name) ?? 0)]).toEqual([id, name, true])
    }
    // Those that have ended and are not written down yet are still running to everybody else.
    const running = system.compute.list({ limit: 1000, state: 'running' }).items.length
    const busy = system.compute.engines().filter(({ state }) => state === 'busy').length
    expect(busy).toBeLessThanOrEqual(running + 2)
  }

  function pages(most: number): void {
    const { database } = system
    database.all({ compile: () => sql.raw(`pragma max_page_count = ${most}`).compile(database.builder()) })
  }

  async function suffer({ do: what, at, ms }: Extract<Step, { at: number }>): Promise<void> {
    const { compute, executor, core } = system
    switch (what) {
      case 'crash': {
        const engines = executor.engines()
        const engine = engines[at % Math.max(1, engines.length)]
        if (engine) executor.crash(engine.id)
        return
      }
      case 'crashNext':
        executor.failures.push('crash')
        return
      case 'hangNext':
        executor.failures.push('hang')
        return
      case 'failLoad':
        executor.loadFailures.push(new AppError('compute.runtime_failed', 'The graph cannot be read.'))
        return
      case 'kill9':
        return reopen(ms)
      case 'stop': {
        const stopped = compute.stop(50)
        for (let i = 0; i < 12; i++) await clock.advance(Math.max(20, disk.slowMs))
        disk.slowMs = 0
        for (let i = 0; i < 6; i++) await clock.advance(1000)
        await stopped
        return reopen(0)
      }
      case 'jump':
        clock.jump(Math.abs(ms))
        return
      case 'slowDisk':
        disk.slowMs = disk.slowMs > 0 ? 0 : Math.min(50, Math.abs(ms))
        return
      case 'fullDisk':
        pages(1)
        await clock.advance(Math.min(500, Math.abs(ms)))
        pages(1_000_000)
        return
      case 'device':
        host.devices = host.devices.length === 1 ? [cpu as never, gpu as never] : [cpu as never]
        call(core.rescan())
    }
  }

  async function act(current: Step): Promise<void> {
    const { compute, core } = system
    const pick = (n: number) => known[n % Math.max(1, known.length)] as JobId | undefined
    switch (current.do) {
      case 'submit':
        call(system.submit(specOf(current, clock.now(), pick)).then(({ id }) => known.push(id)))
        return
      case 'priority': {
        const id = pick(current.job)
        if (id) call(compute.setPriority(id, current.priority))
        return
      }
      case 'cancel':
      case 'hold':
      case 'resume': {
        const id = pick(current.job)
        if (id) call(compute[current.do](id))
        return
      }
      case 'retry': {
        const id = pick(current.job)
        if (id) call(compute.retry(id, 'p-bob' as never).then((job) => known.push(job.id)))
        return
      }
      case 'lease': {
        const options = { holder: GUEST, purpose: 'test', priority: 50, ttlMs: current.ttlMs, waitMs: 100 }
        call(core.request({ cpuCores: current.cores }, options))
        return
      }
      case 'advance':
        await clock.advance(current.ms)
        check()
        return
      default:
        await suffer(current)
        check()
    }
  }

  let system = await open()
  try {
    for (const current of steps) await act(current)
    // The faults are over; what was hit by them has to get on by itself.
    disk.slowMs = 0
    host.devices = [cpu, gpu]
    await system.core.rescan()
    await settle()
    const isOpen = (id: string) => !isTerminal(system.compute.get(id).state)
    for (let i = 0; i < 400 && (i < 20 || known.some(isOpen)); i++) {
      for (const id of known)
        if (system.compute.get(id).state === 'held') call(system.compute.resume(id as JobId))
      await clock.advance(i < 200 ? 50 : 1000)
    }
    expect(errors).toEqual([])
    expect(known.filter(isOpen).map((id) => system.compute.get(id))).toEqual([])
    for (const [id, count] of ends) expect([id, count]).toEqual([id, 1])
    for (const [id, state] of final) expect(system.compute.get(id).state).toBe(state)
    await clock.advance(1000)
    await settle()
    expect(system.compute.engines()).toEqual([])
    expect(system.core.listLeases()).toEqual([])
    for (const { id, free, capacity } of system.core.freeDevices()) expect([id, free]).toEqual([id, capacity])
    expect(system.compute.queue()).toMatchObject({
      depth: 0,
      byState: { queued: 0, held: 0, running: 0 },
      byPriority: [],
      waiting: [],
    })
  } finally {
    await system.die()
    await harness.remove()
  }
}

function specOf(
  step: Extract<Step, { do: 'submit' }>,
  now: number,
  pick: (n: number) => string | undefined,
): JobSpecInput {
  const giver = step.dependsOn === null ? undefined : pick(step.dependsOn)
  const common = {
    need: { cpuCores: step.cores, ...(step.gpu ? { gpu: 1 } : {}) },
    priority: step.priority,
    maxAttempts: step.attempts,
    timeoutMs: 700,
    hold: step.hold,
    ...(giver === undefined ? {} : { dependsOn: [giver] }),
    ...(step.deadline === null ? {} : { deadline: new Date(now + step.deadline).toISOString() }),
  }
  if (step.kind === 'synthetic') return { ...common, kind: 'synthetic', durationMs: step.ms, fail: step.fail }
  if (step.kind === 'infer')
    return { ...common, kind: 'infer', model: step.ms > 10 ? 'm@1' : 'n@1', inputs: x(step.ms) }
  const items = Array.from({ length: 40 }, (_, i) => x(i))
  return { ...common, kind: 'batch', model: 'm@2', items, batchSize: 4 }
}

function partsOn(device: string, leases: readonly Lease[]): ResourceVector[] {
  return leases.flatMap(({ placement }) =>
    placement.filter((part) => part.device === device).map(({ amounts }) => amounts),
  )
}

/** In millionths, so that sums are exact. */
function sumOf(vectors: readonly ResourceVector[]): Map<string, number> {
  const sum = new Map<string, number>()
  for (const { custom, ...amounts } of vectors) {
    for (const [name, amount] of Object.entries({ ...amounts, ...custom }))
      sum.set(name, (sum.get(name) ?? 0) + Math.round(amount * 1e6))
  }
  return sum
}
