import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Budget, JobSpec } from '../../shared/contract'
import { BY, close, createSurvival, ended, type Survival, until } from './testing/survival'

const DAY_MS = 86_400_000

let survival: Survival
beforeAll(async () => {
  survival = await createSurvival(null)
}, 120_000)
afterEach(() => survival.clear())
afterAll(() => survival?.dispose())

async function setBudget(budget: Omit<Budget, 'windowMs'>): Promise<void> {
  const system = await survival.open()
  system.core.setQuota({ principal: BY, limit: {}, budget: { ...budget, windowMs: DAY_MS } })
  await close(system)
}

describe('kill -9 of the whole program', () => {
  it('jobs a day: those that are on the disk count, each once, told of or not', async () => {
    await setBudget({ jobs: 40 })
    const specs = Array.from({ length: 40 }, (_, i) =>
      JobSpec.parse({ kind: 'synthetic', durationMs: i % 3, idempotencyKey: `load ${i}` }),
    )
    const program = survival.start()
    const acknowledged: string[] = []
    const submitted = specs.map(async (spec) => {
      acknowledged.push((await program.compute.submit(spec, BY)).id)
    })
    void Promise.allSettled(submitted)
    await until(() => acknowledged.length >= 10)
    await program.kill()

    const system = await survival.open()
    const used = () => system.core.getQuota(BY).used?.jobs
    const stored = system.compute.list({ limit: 100 }).items
    expect(stored.map(({ id }) => id)).toEqual(expect.arrayContaining(acknowledged))
    expect(used()).toBe(stored.length)
    // Who was told nothing submits again: that takes what is left, and no more.
    const again = await Promise.all(specs.map((spec) => system.compute.submit(spec, BY)))
    await ended(
      system,
      again.map(({ id }) => id),
    )
    expect(used()).toBe(40)
    const oneMore = system.compute.submit(JobSpec.parse({ kind: 'synthetic', durationMs: 0 }), BY)
    await expect(oneMore).rejects.toMatchObject({ code: 'core.budget_exceeded' })
    expect(await close(system)).toEqual([])
  })

  it('CPU seconds a day: all but the last seconds count, once, and what is left is what there is', async () => {
    const limit = 18
    await setBudget({ cpuSeconds: limit })
    const program = survival.start()
    const spec = { kind: 'synthetic', durationMs: 60_000, need: { cpuCores: 2 } }
    const { id } = await program.compute.submit(JobSpec.parse(spec), BY)
    let used = 0
    await until(async () => {
      used = (await program.core.getQuota(BY)).used?.cpuSeconds ?? 0
      return used > 13
    })
    await program.kill()
    // Time while nothing runs is not counted.
    await sleep(1_000)

    const system = await survival.open()
    const began = performance.now()
    const usedNow = () => system.core.getQuota(BY).used?.cpuSeconds ?? 0
    const kept = usedNow()
    // Two cores, written every five seconds.
    expect(kept).toBeGreaterThan(used - 2 * 6)
    expect(kept).toBeLessThan(used + 6)
    await ended(system, [id])
    const ranSeconds = (performance.now() - began) / 1000
    expect(system.compute.get(id)).toMatchObject({ attempt: 2, error: { code: 'core.budget_exceeded' } })
    expect(ranSeconds).toBeGreaterThan((limit - kept) / 2 - 0.5)
    expect(usedNow()).toBeGreaterThanOrEqual(limit)
    expect(await close(system)).toEqual([])
  })
})
