import { afterEach, beforeEach, expect, it } from 'vitest'
import { PipelineSpec } from '../../shared/contract'
import type { JobId, PipelineId, PrincipalId } from '../../shared/domain/ids'
import { createHarness, type Harness, type Opened, until } from './testing/harness'

const DAY_MS = 86_400_000

let harness: Harness
let system: Opened

beforeEach(async () => {
  harness = await createHarness()
  system = await harness.open()
})
afterEach(async () => {
  await system.die()
  await harness.remove()
})

async function run(count: number): Promise<JobId[]> {
  const jobs = await Promise.all(
    Array.from({ length: count }, () => system.submit({ kind: 'synthetic', durationMs: 0 })),
  )
  const ids = jobs.map(({ id }) => id as JobId)
  await until(() => ids.every((id) => system.compute.get(id).state === 'succeeded'))
  return ids
}

const isThere = (id: string) => {
  try {
    return system.compute.get(id).id === id
  } catch {
    return false
  }
}

it('what others still wait for stays, however much of it there is, and what is behind it goes', async () => {
  const needed = await run(60)
  const later = await run(5)
  const held = await system.submit({ kind: 'synthetic', durationMs: 0, hold: true, dependsOn: needed })
  harness.clock.jump(31 * DAY_MS)
  const young = await run(1)
  await harness.clock.advance(11 * 60_000)
  expect(needed.filter(isThere)).toEqual(needed)
  expect(later.filter(isThere)).toEqual([])
  expect(young.filter(isThere)).toEqual(young)
  await system.compute.cancel(held.id as JobId)
  await harness.clock.advance(11 * 60_000)
  expect(needed.filter(isThere)).toEqual([])
})

it('a pipeline of which jobs are gone that others waited for is not run again', async () => {
  const load = { kind: 'synthetic', durationMs: 0 } as const
  const { id, jobs } = await system.compute.submitPipeline(
    PipelineSpec.parse({
      jobs: [
        { key: 'a', ...load },
        { key: 'b', ...load, hold: true, dependsOn: ['a'] },
      ],
    }),
    'p-alice' as PrincipalId,
  )
  const [a, b] = jobs.map(({ job }) => job.id as JobId) as [JobId, JobId]
  await until(() => system.compute.get(a).state === 'succeeded')
  harness.clock.jump(20 * DAY_MS)
  await system.compute.resume(b)
  await until(() => system.compute.get(b).state === 'succeeded')
  harness.clock.jump(11 * DAY_MS)
  await harness.clock.advance(11 * 60_000)
  expect([a, b].map(isThere)).toEqual([false, true])
  await expect(
    system.compute.retryPipeline(id as PipelineId, 'p-alice' as PrincipalId),
  ).rejects.toMatchObject({
    code: 'compute.not_found',
  })
})

it('a pipeline goes with the last of its jobs', async () => {
  const load = { kind: 'synthetic', durationMs: 0 } as const
  const submit = (hold: boolean) =>
    system.compute.submitPipeline(
      PipelineSpec.parse({
        jobs: [
          { key: 'a', ...load },
          { key: 'b', ...load, hold, dependsOn: ['a'] },
        ],
      }),
      'p-alice' as PrincipalId,
    )
  const ended = await submit(false)
  const open = await submit(true)
  await until(async () => (await system.compute.getPipeline(ended.id as PipelineId)).state === 'succeeded')
  harness.clock.jump(31 * DAY_MS)
  await harness.clock.advance(11 * 60_000)
  await expect(system.compute.getPipeline(ended.id as PipelineId)).rejects.toMatchObject({
    code: 'compute.not_found',
  })
  expect((await system.compute.getPipeline(open.id as PipelineId)).jobs).toHaveLength(2)
})
