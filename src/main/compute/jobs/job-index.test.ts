import { expect, it, vi } from 'vitest'
import { ActiveJob } from './active-job'
import { Estimates } from './estimates'
import { JobIndex, type JobIndexDeps } from './job-index'
import { firstStatus, type JobDefinition } from './job-row'

function waiting(id: number, kind: 'infer' | 'batch', items = 1, carried = 0): ActiveJob {
  const definition = {
    id: `j-${id}`,
    kind,
    model: 'm',
    modelVersion: 1,
    parameters: { kind, threads: 1, batchSize: 1 },
    need: { cpuCores: 1 },
    place: null,
    principal: 'p-a',
    pipeline: null,
    dependsOn: [],
    items,
  } as unknown as JobDefinition
  const job = new ActiveJob(definition, firstStatus({ hold: false, priority: 50 }, 0), id)
  job.carried = carried
  return job
}

it('those that wait are estimated anew, and of those that are alike one', () => {
  const estimates = new Estimates()
  const restOf = (ms: number | null, { carried }: ActiveJob) => ms && ms * (1 - carried)
  const runMsOf = vi.fn((job: ActiveJob) => restOf(estimates.runMs(job.definition), job))
  const index = new JobIndex({
    database: { onRollback: () => undefined },
    now: () => 0,
    runMsOf,
    mostMsOf: (job: ActiveJob) => restOf(estimates.mostMs(job.definition), job),
    fastestFor: () => null,
    shareOf: () => 0.5,
    unknownRunMs: 50,
    onChange: () => undefined,
  } as Pick<JobIndexDeps, 'runMsOf'> as JobIndexDeps)
  const jobs = [
    ...Array.from({ length: 100 }, (_, i) => waiting(i, 'infer')),
    ...Array.from({ length: 100 }, (_, i) => waiting(100 + i, 'batch', 10 + (i % 2))),
    waiting(200, 'batch', 10, 0.5),
  ]
  for (const job of jobs) {
    estimates.observeRun(
      job.definition,
      job.definition.kind === 'infer' ? 8 : 30 * job.definition.items,
      null,
    )
    index.add(job)
  }
  for (const job of jobs) if (job.queued) job.queued.runMs = null
  runMsOf.mockClear()
  index.reestimate(estimates.takeMoved())
  const runMs = (job: ActiveJob | undefined) => Math.round(job?.queued?.runMs ?? 0)
  expect([0, 99, 100, 101, 199, 200].map((i) => runMs(jobs[i]))).toEqual([8, 8, 300, 330, 330, 150])
  expect(index.classes()[0]?.workMs).toBeCloseTo(100 * 8 + 50 * 300 + 50 * 330 + 150)
  expect(runMsOf).toHaveBeenCalledTimes(4)
})
