import fc from 'fast-check'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { Job, JobSpecInput } from '../../shared/contract'
import type { DeviceId, JobId, LeaseId, PrincipalId } from '../../shared/domain/ids'
import type { Tensors } from '../../shared/domain/tensor'
import { AppError } from '../../shared/errors'
import { createHarness, type Harness, type Opened, passUntil, until } from './testing/harness'

const [ANN, BOB, CAT] = ['p-ann', 'p-bob', 'p-cat'] as [PrincipalId, PrincipalId, PrincipalId]
const WHO = [ANN, BOB, CAT]

let harness: Harness
let system: Opened

/** Every job has a number of its own; odd ones are refused by the worker. */
function infer(version: number, own: number): JobSpecInput {
  return {
    kind: 'infer',
    name: `job ${own}`,
    model: `m@${version}`,
    inputs: { x: { dtype: 'float32', shape: [2], data: [own, own] } },
  }
}

function ownOf({ x }: Tensors): number {
  if (!x || !('bytes' in x)) throw new Error('That is no input of these jobs.')
  return new DataView(x.bytes.buffer, x.bytes.byteOffset).getFloat32(0, true)
}
const isOdd = (own: number) => own % 2 === 1
const job = (id: string): Job => system.compute.get(id as JobId)

const pass = <Value>(work: Promise<Value>) => passUntil(harness.clock, work, 2)

const isOver = ({ id }: { id: string }) => !['queued', 'running'].includes(job(id).state)

async function finish(jobs: readonly { id: string }[]): Promise<void> {
  for (let step = 0; step < 500 && !jobs.every(isOver); step++) {
    await harness.clock.advance(2)
    await until(() => true)
  }
}

const submit = (own: number, principal: PrincipalId, version = 1) =>
  system.submit(infer(version, own), principal)

/** Submitted while the engine is busy with another, which is the first of them. */
async function submitCrowd(
  owns: readonly (readonly [number, PrincipalId])[],
  version = 1,
): Promise<PromiseSettledResult<Job>[]> {
  let begun = false
  const { onInfer } = system.executor
  system.executor.onInfer = (items) => {
    begun = true
    onInfer(items)
  }
  const busy = submit(2, ANN, version)
  await until(() => begun)
  system.executor.onInfer = onInfer
  return pass(Promise.allSettled([busy, ...owns.map(([own, principal]) => submit(own, principal, version))]))
}

const taken = (outcomes: readonly PromiseSettledResult<Job>[]) =>
  outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))

async function crowd(...args: Parameters<typeof submitCrowd>): Promise<Job[]> {
  const outcomes = await submitCrowd(...args)
  expect(outcomes.filter(({ status }) => status === 'rejected')).toEqual([])
  return taken(outcomes)
}

/** What one takes, and that two in a stack give the same. */
async function learn(itemMs: number, version = 1): Promise<void> {
  system.executor.itemMs = itemMs
  await finish([await pass(submit(0, ANN, version))])
  await finish(
    await crowd(
      [
        [0, ANN],
        [0, ANN],
      ],
      version,
    ),
  )
}

beforeEach(async () => {
  harness = await createHarness({ cores: 1 })
  system = await harness.open()
  system.executor.refuses = (inputs) =>
    isOdd(ownOf(inputs)) ? new AppError('compute.runtime_failed', `Input ${ownOf(inputs)} is odd.`) : null
})
afterEach(async () => {
  await system.die()
  await harness.remove()
})

it('jobs of several principals run in one go, and the lease counts for each in its part', async () => {
  await learn(9)
  const runs: { owns: number[]; held: (number | undefined)[] }[] = []
  system.executor.onInfer = (items) => {
    const held = WHO.map((principal) => system.core.getQuota(principal).held.cpuCores)
    // They may have come in any order.
    runs.push({ owns: items.map(ownOf).sort((a, b) => a - b), held })
  }
  await finish(
    await crowd([
      [4, ANN],
      [6, BOB],
      [8, CAT],
      [10, ANN],
    ]),
  )
  expect(runs).toEqual([
    { owns: [2], held: [1, undefined, undefined] },
    { owns: [4, 6, 8, 10], held: [0.5, 0.25, 0.25] },
  ])
  expect(WHO.map((principal) => system.core.getQuota(principal).held)).toEqual([{}, {}, {}])
})

it.each([4, 9])(
  'whom a quota or a budget keeps from starting does not ride along (%i ms)',
  async (itemMs) => {
    await learn(itemMs)
    const seen: number[] = []
    system.executor.onInfer = (items) => seen.push(...items.map(ownOf))
    // He holds as much as he may, elsewhere.
    const spare = system.core.declareDevice(
      { kind: 'cpu', name: 'spare', vendor: '', capacity: { cpuCores: 1 }, properties: {} },
      ANN,
    )
    const placement = [{ device: spare.id as DeviceId, amounts: { cpuCores: 1 } }]
    const held = system.core.allocate(
      { cpuCores: 1 },
      { holder: BOB, purpose: 'elsewhere', priority: 50, job: null, ttlMs: null },
      placement,
    )
    system.core.setQuota({ principal: BOB, limit: { cpuCores: 1 } })
    system.core.setQuota({ principal: CAT, limit: {}, budget: { cpuSeconds: 0, windowMs: 60_000 } })
    const jobs = await crowd([
      [4, BOB],
      [6, CAT],
      [8, ANN],
      [10, ANN],
    ])
    const [, bobs, cats] = jobs
    const kept = [bobs, cats].flatMap((one) => one ?? [])
    await finish(jobs.filter((one) => !kept.includes(one)))
    // They may have come in any order.
    expect(seen.sort((a, b) => a - b)).toEqual([2, 8, 10])
    expect(kept.map(({ id }) => job(id).state)).toEqual(['queued', 'queued'])
    system.core.release(held.id as LeaseId)
    system.core.removeQuota(CAT)
    await finish(kept)
    expect(kept.map(({ id }) => job(id).state)).toEqual(['succeeded', 'succeeded'])
  },
)

it('those whose first is refused when it is written run within its lease to the end', async () => {
  await learn(4)
  const owns = [
    [4, BOB],
    [6, CAT],
    [8, 'p-dan' as PrincipalId],
  ] as const
  let first: number | undefined
  system.executor.onInfer = (items) => {
    const [[own, principal] = []] = owns.filter(([own]) => items[0] && own === ownOf(items[0]))
    if (items.length !== owns.length || !principal) return
    // They have begun, and are written while they run.
    first = own
    system.core.setQuota({ principal, limit: {}, budget: { jobs: 0, windowMs: 60_000 } })
    system.executor.itemMs = 30
  }
  const outcomes = await submitCrowd(owns)
  const refused = owns.filter((_, i) => outcomes[i + 1]?.status === 'rejected')
  expect(refused.map(([own]) => own)).toEqual([first])
  const leases = () => system.core.listLeases().filter((lease) => lease.job !== null)
  expect(system.executor.engines()).toMatchObject([{ state: 'busy' }])
  expect(leases()).toHaveLength(1)
  const jobs = taken(outcomes)
  await finish(jobs)
  expect(jobs.map(({ id }) => job(id))).toMatchObject(jobs.map(() => ({ state: 'succeeded', attempt: 1 })))
  expect(leases()).toEqual([])
})

it.each([4, 10])(
  'each gets its own answer, error, log and part of the lease, in whatever company it ran (%i ms)',
  async (itemMs) => {
    await learn(itemMs)
    await learn(itemMs, 2)
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({ who: fc.nat(2), version: fc.integer({ min: 1, max: 2 }), odd: fc.boolean() }),
      },
      { weight: 2, arbitrary: fc.record({ passMs: fc.integer({ min: 1, max: 3 * itemMs }) }) },
      { weight: 1, arbitrary: fc.record({ cancel: fc.nat(100) }) },
    )
    let count = 0
    let mixed = 0
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), async (steps) => {
        const owners = new Map<number, PrincipalId>()
        const jobs: { id: string; own: number; principal: PrincipalId; cancelled: boolean }[] = []
        const calls: Promise<unknown>[] = []
        const wrong: unknown[] = []
        system.executor.onInfer = (items) => {
          const principals = items.map((inputs) => owners.get(ownOf(inputs)))
          if (new Set(principals).size > 1) mixed++
          for (const principal of WHO) {
            const part = principals.filter((owner) => owner === principal).length / items.length
            const held = system.core.getQuota(principal).held.cpuCores ?? 0
            if (Math.abs(held - part) > 1e-5) wrong.push({ principal, held, part })
          }
        }
        for (const step of steps) {
          if ('who' in step) {
            count += 2
            const own = count + (step.odd ? 1 : 0)
            const principal = WHO[step.who] as PrincipalId
            owners.set(own, principal)
            const call = submit(own, principal, step.version)
            calls.push(call.then(({ id }) => jobs.push({ id, own, principal, cancelled: false })))
          } else if ('passMs' in step) {
            await harness.clock.advance(step.passMs)
          } else {
            const chosen = jobs[step.cancel % Math.max(1, jobs.length)]
            if (!chosen) continue
            chosen.cancelled = true
            // It may have ended already.
            calls.push(system.compute.cancel(chosen.id as JobId).catch(() => undefined))
          }
        }
        await pass(Promise.all(calls))
        await finish(jobs)
        expect(wrong).toEqual([])
        for (const { id, own, principal, cancelled } of jobs) {
          const { state, error, principal: owner } = job(id)
          expect(owner).toBe(principal)
          if (!cancelled || state !== 'cancelled')
            expect([own, state]).toEqual([own, isOdd(own) ? 'failed' : 'succeeded'])
          if (state === 'failed') expect(error?.message).toBe(`Input ${own} is odd.`)
          if (state === 'succeeded') {
            const { outputs } = await system.compute.result(id as JobId, 0)
            expect(outputs).toEqual({ x: { dtype: 'float32', shape: [2], data: [own, own] } })
          }
          const log = await system.compute.log(id as JobId)
          for (const [other, of] of owners)
            if (of !== principal) expect(JSON.stringify(log)).not.toContain(`Input ${other} is odd`)
        }
        expect(system.core.listLeases().filter((lease) => lease.job !== null)).toEqual([])
        expect(WHO.map((of) => system.core.getQuota(of).held)).toEqual([{}, {}, {}])
      }),
      { numRuns: 25 },
    )
    expect(mixed).toBeGreaterThan(10)
  },
  120_000,
)
