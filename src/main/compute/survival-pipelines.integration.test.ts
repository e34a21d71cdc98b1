import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Job, type Pipeline, PipelineSpec } from '../../shared/contract'
import type { JobId, PipelineId } from '../../shared/domain/ids'
import { isTerminal } from '../../shared/domain/job-state'
import { sumModel } from '../runtimes/testing/tiny-onnx'
import { importAndSettle } from '../storage/testing/harness'
import {
  BY,
  close,
  countEnds,
  createSurvival,
  ended,
  type Survival,
  type System,
  until,
} from './testing/survival'

const vector = (...data: number[]) => ({ dtype: 'float32' as const, shape: [2], data })
const from = (key: string) => ({ fromJob: key, output: 'y' })
const add = (key: string, a: object, b: object, more: object = {}) => ({
  ...{ kind: 'infer', model: 'sum@1', key, inputs: { a, b } },
  ...more,
})
const load = (key: string, more: object) => ({ kind: 'synthetic', key, durationMs: 0, ...more })
const batch = (key: string, items: unknown, more: object = {}) => ({
  ...{ kind: 'batch', model: 'sum@1', key, items, batchSize: 1 },
  ...more,
})

/** Every kind of link and of condition; each moment at which it is killed lasts for half a second and more. */
const pipeline = PipelineSpec.parse({
  // What an earlier one has done would be taken over.
  reuse: false,
  jobs: [
    batch(
      'first',
      Array.from({ length: 3_000 }, (_, i) => ({ a: vector(i, 1), b: vector(1, i) })),
    ),
    add('start', vector(1, 2), vector(3, 4), { dependsOn: ['first'] }),
    add('left', from('start'), vector(10, 20)),
    add('right', from('start'), from('start')),
    add('join', from('left'), from('right')),
    load('bad', { dependsOn: ['start'], durationMs: 2_000, fail: 'error' }),
    load('after', { dependsOn: ['bad'] }),
    add('rescue', from('start'), from('start'), { dependsOn: ['bad'], runWhen: 'failed' }),
    load('unneeded', { dependsOn: ['start'], runWhen: 'failed' }),
    batch('last', { fromJob: 'first', rename: { a: 'y', b: 'y' } }, { dependsOn: ['join', 'rescue'] }),
  ],
})

let survival: Survival
let undisturbed: Awaited<ReturnType<typeof outcomeOf>>

beforeAll(async () => {
  survival = await createSurvival('onnx')
  const system = await survival.open()
  const file = join(survival.dataDir, 'sum.onnx')
  await writeFile(file, sumModel([2]))
  expect(await importAndSettle(system.storage, file, 'sum')).toMatchObject({ state: 'completed' })
  const { id, jobs } = await system.compute.submitPipeline(pipeline, BY)
  await ended(
    system,
    jobs.map(({ job }) => job.id),
  )
  undisturbed = await outcomeOf(system, id)
  await close(system)
}, 120_000)
afterAll(() => survival?.dispose())

/** How each job ended, and with what. */
async function outcomeOf({ compute }: System, id: string) {
  const { jobs } = await compute.getPipeline(id as PipelineId)
  const outcomes = jobs.map(async ({ key, job: { id, kind, state, error } }) => {
    if (state !== 'succeeded' || kind === 'synthetic') return [key, error?.code ?? state] as const
    const { outputs, items } = await compute.result(id as JobId, 0)
    return [key, outputs ?? items?.map((item) => item.outputs)] as const
  })
  return Object.fromEntries(await Promise.all(outcomes))
}

it('runs to its end where nothing disturbs it', () => {
  expect(undisturbed).toMatchObject({
    join: { y: { data: [22, 38] } },
    after: 'compute.dependency_failed',
    unneeded: 'compute.skipped',
  })
  expect(undisturbed['last']?.[7]).toMatchObject({ y: { data: [16, 16] } })
})

describe('kill -9 of the whole program in the middle of a pipeline', () => {
  const ALL_BUT_LAST = pipeline.jobs.map(({ key }) => key).filter((key) => key !== 'last')

  it.each<[string, (jobs: Record<string, Job>) => boolean, string[]]>([
    ['before any of its jobs has ended', ({ first }) => (first?.progress ?? 0) > 0.2, []],
    ['between its jobs', ({ start }) => start?.state === 'succeeded', ['first', 'start']],
    ['when one of them has failed', ({ bad }) => bad?.state === 'failed', ['start', 'join', 'bad']],
    ['while the last of them runs', ({ last }) => (last?.progress ?? 0) > 0.2, ALL_BUT_LAST],
  ])('%s: each ends once, as if nothing had been', async (_, isMoment, done) => {
    const program = survival.start()
    const { id } = await program.compute.submitPipeline(pipeline, BY)
    let before: Pipeline['jobs'] = []
    await until(async () => {
      before = (await program.compute.getPipeline(id as PipelineId)).jobs
      return isMoment(Object.fromEntries(before.map(({ key, job }) => [key, job])))
    })
    await program.kill()
    const endedBefore = before.filter(({ job }) => isTerminal(job.state))
    expect(endedBefore.map(({ key }) => key)).toEqual(expect.arrayContaining(done))

    const system = await survival.open()
    const ends = countEnds(system)
    const ids = before.map(({ job }) => job.id)
    await ended(system, ids)
    // What had ended was not touched again; the rest had at most the attempt that was killed, and one more.
    for (const { job } of endedBefore)
      expect([system.compute.get(job.id), ends.get(job.id)]).toEqual([job, undefined])
    for (const id of ids) {
      expect(ends.get(id) ?? 0).toBeLessThanOrEqual(1)
      expect(system.compute.get(id).attempt).toBeLessThanOrEqual(2)
    }
    expect(await outcomeOf(system, id)).toEqual(undisturbed)
    expect(await close(system)).toEqual([])
  })
})
