import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Job, JobSpecInput } from '../../shared/contract'
import type { JobId } from '../../shared/domain/ids'
import { isTerminal } from '../../shared/domain/job-state'
import { AppError } from '../../shared/errors'
import { settle } from '../core/testing/fake-clock'
import { createHarness, type Opened } from './testing/harness'

const x = (n: number) => ({ x: { dtype: 'float32' as const, shape: [2], data: [n, n] } })

type Step =
  | {
      do: 'submit'
      kind: 'synthetic' | 'infer' | 'batch'
      ms: number
      cores: number
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
  | { do: 'crash' | 'failLoad' | 'kill9' | 'stop' }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('submit' as const),
      kind: fc.constantFrom('synthetic' as const, 'synthetic' as const, 'infer' as const, 'batch' as const),
      ms: fc.constantFrom(0, 0, 1, 20, 300),
      cores: fc.constantFrom(0, 0.5, 1, 2),
      priority: fc.integer({ min: 0, max: 100 }),
      attempts: fc.integer({ min: 1, max: 3 }),
      fail: fc.constantFrom(
        undefined,
        undefined,
        undefined,
        'error' as const,
        'crash' as const,
        'hang' as const,
      ),
      dependsOn: fc.option(fc.nat(30), { freq: 3 }),
      deadline: fc.option(fc.integer({ min: 1, max: 2000 }), { freq: 4 }),
      hold: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('cancel' as const, 'hold' as const, 'resume' as const, 'retry' as const),
      job: fc.nat(30),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('priority' as const),
      job: fc.nat(30),
      priority: fc.integer({ min: 0, max: 100 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.constantFrom(0, 1, 10, 100, 1000) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('crash' as const, 'failLoad' as const, 'kill9' as const, 'stop' as const),
    }),
  },
)

async function play(steps: Step[]): Promise<void> {
  const harness = await createHarness({ cores: 2, memoryBytes: 5e6, engineIdleMs: 200 })
  const { clock } = harness
  const known: string[] = []
  const ends = new Map<string, number>()
  const final = new Map<string, Job['state']>()
  const errors: unknown[] = []

  async function open(): Promise<Opened> {
    const system = await harness.open()
    system.executor.memoryBytes = 2e6
    system.executor.itemMs = 7
    system.executor.loadMs = 30
    system.compute.onDidChangeJobs(({ changed }) => {
      for (const job of changed) {
        if (!isTerminal(job.state)) {
          if (final.has(job.id)) errors.push(`${job.id} left ${final.get(job.id)} for ${job.state}`)
          continue
        }
        ends.set(job.id, (ends.get(job.id) ?? 0) + 1)
        final.set(job.id, job.state)
      }
    })
    return system
  }

  /** Calls go on while time does; what they refuse must be a refusal of the vocabulary. */
  function call(work: Promise<unknown>): void {
    work.catch((error: unknown) => {
      if (!(error instanceof AppError) || error.code === 'internal') errors.push(error)
    })
  }

  function check(): void {
    const held = system.core.listLeases().filter(({ job }) => job !== null)
    const cores = held.reduce((sum, { need }) => sum + (need.cpuCores ?? 0), 0)
    expect(cores).toBeLessThanOrEqual(2)
    const busy = system.compute.engines().filter(({ state }) => state === 'busy').length
    expect(busy).toBeLessThanOrEqual(system.compute.list({ limit: 1000, state: 'running' }).items.length + 2)
  }

  let system = await open()
  try {
    for (const current of steps) {
      const { compute, executor } = system
      const pick = (n: number) => known[n % Math.max(1, known.length)] as JobId | undefined
      switch (current.do) {
        case 'submit': {
          const common = {
            need: { cpuCores: current.cores },
            priority: current.priority,
            maxAttempts: current.attempts,
            timeoutMs: 700,
            hold: current.hold,
            ...(current.dependsOn !== null && known.length > 0
              ? { dependsOn: [pick(current.dependsOn) ?? ''] }
              : {}),
            ...(current.deadline === null
              ? {}
              : { deadline: new Date(clock.now() + current.deadline).toISOString() }),
          }
          const spec: JobSpecInput =
            current.kind === 'synthetic'
              ? { ...common, kind: 'synthetic', durationMs: current.ms, fail: current.fail }
              : current.kind === 'infer'
                ? { ...common, kind: 'infer', model: current.ms > 10 ? 'm@1' : 'n@1', inputs: x(current.ms) }
                : {
                    ...common,
                    kind: 'batch',
                    model: 'm@2',
                    items: Array.from({ length: 40 }, (_, i) => x(i)),
                    batchSize: 4,
                  }
          call(system.submit(spec).then(({ id }) => known.push(id)))
          break
        }
        case 'priority': {
          const id = pick(current.job)
          if (id) call(compute.setPriority(id, current.priority))
          break
        }
        case 'cancel':
        case 'hold':
        case 'resume': {
          const id = pick(current.job)
          if (id) call(compute[current.do](id))
          break
        }
        case 'retry': {
          const id = pick(current.job)
          if (id) call(compute.retry(id, 'p-bob' as never).then((job) => known.push(job.id)))
          break
        }
        case 'advance':
          await clock.advance(current.ms)
          check()
          break
        case 'crash': {
          const engine = executor.engines()[0]
          if (engine) executor.crash(engine.id)
          break
        }
        case 'failLoad':
          executor.loadFailures.push(new AppError('compute.runtime_failed', 'The graph cannot be read.'))
          break
        case 'kill9':
          await system.die()
          system = await open()
          break
        case 'stop': {
          const stopped = compute.stop(50)
          for (let i = 0; i < 12; i++) await clock.advance(20)
          await stopped
          await system.die()
          system = await open()
          break
        }
      }
    }
    await settle()
    for (const id of known)
      if (system.compute.get(id).state === 'held') call(system.compute.resume(id as JobId))
    for (let i = 0; i < 400; i++) {
      await clock.advance(i < 200 ? 50 : 1000)
      if (known.every((id) => isTerminal(system.compute.get(id).state)) && i > 20) break
      for (const id of known)
        if (system.compute.get(id).state === 'held') call(system.compute.resume(id as JobId))
    }
    expect(errors).toEqual([])
    const states = known.map((id) => system.compute.get(id)).filter(({ state }) => !isTerminal(state))
    expect(states).toEqual([])
    for (const [id, count] of ends) expect([id, count]).toEqual([id, 1])
    for (const [id, state] of final) expect(system.compute.get(id).state).toBe(state)
    expect(system.core.listLeases().filter(({ job }) => job !== null)).toEqual([])
    await clock.advance(500)
    await settle()
    expect(system.compute.engines()).toEqual([])
    expect(system.core.listLeases()).toEqual([])
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

describe('any history', () => {
  it('ends every job exactly once, runs it once at a time, and returns every lease', async () => {
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 45 }), play), {
      numRuns: 25,
      endOnFailure: false,
    })
  }, 120_000)
})
