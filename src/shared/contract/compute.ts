import { eventIterator } from '@orpc/contract'
import { z } from 'zod'
import { JOB_STATES } from '../domain/job-state'
import { PlaceHints } from '../domain/place-hints'
import { ModelName } from '../domain/references'
import { ResourceVector } from '../domain/resources'
import { JsonTensor } from '../domain/tensor'
import { ErrorBody, feedOf, Id, PageQuery, pageOf, procedure, ShortListQuery, Time } from './base'
import { Placement } from './core'
import { Import } from './imports'
import { JobKey, JobKind, JobSpec, PipelineSpec, RunWhen } from './job-spec'
import { pluginsContract } from './plugins'
import { ClassLoad, PredictionRecord, StartEstimate, WhatIfAnswer, WhatIfQuestion } from './predictions'
import { runtimesContract } from './runtimes'
import { Named, WaitCause } from './wait-cause'

/** So many jobs that have ended are told of as they change; those that ended before are listed. */
export const MOST_ENDED_LIVE = 2_000
/** Of those that wait and are held so many are told of beside all that run. */
export const MOST_ACTIVE_LIVE = 10_000

/** `loadMs` and `computeMs` are sums over the attempts that have ended. */
export const JobTimings = z.object({
  queuedMs: z.number(),
  loadMs: z.number(),
  computeMs: z.number(),
})

export const AttemptEnding = z.enum(['failed', 'preempted', 'interrupted', 'device_lost'])

/** An attempt that ended, and its job did not. */
export const EarlierAttempt = z.object({
  /** Counted from 1. */
  attempt: z.number().int(),
  startedAt: Time,
  /** Of one that went with the program: when the program was there again. */
  finishedAt: Time,
  /** What the job had waited until then, in all. */
  queuedMs: z.number(),
  loadMs: z.number(),
  placement: Placement,
  /** `interrupted`: it lost its device, ran in company that came to nothing, or the program ended. */
  end: AttemptEnding,
})
export type EarlierAttempt = z.infer<typeof EarlierAttempt>

export const Job = z.object({
  id: Id,
  kind: JobKind,
  name: z.string(),
  /** As asked for, `name@version` or `name@alias`. */
  model: z.string().nullable(),
  /** What the reference meant when the job was submitted. */
  modelVersion: z.number().int().nullable(),
  /** `name@version` of the data set whose rows are the items of a batch. */
  dataset: z.string().nullable(),
  state: z.enum(JOB_STATES),
  priority: z.number(),
  /** Whether more urgent jobs may take its place. */
  preemptible: z.boolean(),
  /** How often one has. */
  preemptions: z.number().int(),
  /** Its wait counts from here, earlier waits included; null unless it waits for its turn. */
  queuedSince: Time.nullable(),
  /** The one that has its place now; null unless it waits to go on. */
  preemptedBy: Named.nullable(),
  attempt: z.number().int(),
  maxAttempts: z.number().int(),
  /** Those before the one that runs or ended it, at most the last 20. */
  attempts: z.array(EarlierAttempt),
  /** 0 to 1. */
  progress: z.number(),
  /** A sentence; set while queued or held. */
  waitReason: z.string().nullable(),
  /** What the sentence says, for programs and other languages; empty while it does not wait. */
  waitCauses: z.array(WaitCause),
  /** Expected time until it ends (running) or starts (queued). */
  estimateMs: z.number().nullable(),
  /** The time that this leads to. */
  expectedAt: Time.nullable(),
  /** Set while queued, as far as what stands before it has a known length. */
  estimate: StartEstimate.nullable(),
  need: ResourceVector,
  /** How its devices are to lie to each other; null: as they come. */
  place: PlaceHints.nullable(),
  placement: Placement.nullable(),
  timings: JobTimings,
  error: ErrorBody.nullable(),
  timeoutMs: z.number().nullable(),
  dependsOn: z.array(Id),
  runWhen: RunWhen,
  /** The pipeline that it is part of, and its key there. */
  pipeline: z.object({ id: Id, key: JobKey }).nullable(),
  /** The job whose result it took over instead of running. */
  reusedFrom: Id.nullable(),
  labels: z.record(z.string(), z.string()),
  principal: Id,
  createdAt: Time,
  startedAt: Time.nullable(),
  /** When the model of the attempt that runs was there; null while it loads, and where none runs. */
  loadedAt: Time.nullable(),
  finishedAt: Time.nullable(),
})
export type Job = z.infer<typeof Job>

/** `stop`: the model was done. `stop_word`: before one of the words it was to stop at. `length`: no more tokens. */
export const FinishReason = z.enum(['stop', 'stop_word', 'length'])
export const Completion = z.object({ text: z.string(), tokens: z.number(), finishReason: FinishReason })
export type Completion = z.infer<typeof Completion>

/** What follows in one of the texts of a `generate` job, at a position counted in UTF-16 units. */
export const TextPiece = z.object({ completion: z.number(), at: z.number(), text: z.string() })
export type TextPiece = z.infer<typeof TextPiece>

export const Pipeline = z.object({
  id: Id,
  name: z.string(),
  /**
   * `running` until all its jobs have ended. Then as the jobs stand that no other waits for: `failed` when one of them
   * failed, `cancelled` when one was cancelled.
   */
  state: z.enum(['running', 'succeeded', 'failed', 'cancelled']),
  /** 0 to 1: of the work that is known or expected. */
  progress: z.number(),
  /** Each after those it depends on. */
  jobs: z.array(z.object({ key: JobKey, dependsOn: z.array(JobKey), job: Job })),
  /** Keys of the longest way through it, by the time that its jobs took or are expected to take, and that time. */
  criticalPath: z.object({ keys: z.array(JobKey), lengthMs: z.number() }),
  principal: Id,
  createdAt: Time,
  finishedAt: Time.nullable(),
})
export type Pipeline = z.infer<typeof Pipeline>

export const PipelineSummary = Pipeline.pick({
  id: true,
  name: true,
  state: true,
  principal: true,
  createdAt: true,
  finishedAt: true,
}).extend({ jobs: z.number().int(), ended: z.number().int() })
export type PipelineSummary = z.infer<typeof PipelineSummary>

/** What a job gave; which fields are set depends on its kind. */
export const JobResult = z.object({
  job: Id,
  kind: JobKind,
  outputs: z.record(z.string(), JsonTensor).optional(),
  items: z.array(z.object({ outputs: z.record(z.string(), JsonTensor) })).optional(),
  iterations: z.number().optional(),
  latencyMs: z.object({ p50: z.number(), p95: z.number(), p99: z.number(), mean: z.number() }).optional(),
  /** Runs a second. */
  throughput: z.number().optional(),
  /** Of `generate`: the first text, and all of them where there are several. */
  text: z.string().optional(),
  tokens: z.number().optional(),
  promptTokens: z.number().optional(),
  finishReason: FinishReason.optional(),
  completions: z.array(Completion).optional(),
  timings: JobTimings,
})
export type JobResult = z.infer<typeof JobResult>

/** What `submit` answers: `result` when the job has succeeded by then, which only `waitMs` gives it time for. */
export const SubmittedJob = Job.extend({ result: JobResult.optional() })
export type SubmittedJob = z.infer<typeof SubmittedJob>

export const LogLine = z.object({
  at: Time,
  level: z.enum(['info', 'warn', 'error']),
  attempt: z.number(),
  text: z.string(),
})
export type LogLine = z.infer<typeof LogLine>

export const QueueView = z.object({
  depth: z.number(),
  byState: z.record(z.string(), z.number()),
  byPriority: z.array(z.object({ priority: z.number(), queued: z.number() })),
  /** Waiting jobs in the order they would start, at most 200. */
  waiting: z.array(
    z.object({
      job: Id,
      name: z.string(),
      effectivePriority: z.number(),
      reason: z.string(),
      causes: z.array(WaitCause),
      estimateMs: z.number().nullable(),
      estimate: StartEstimate.nullable(),
    }),
  ),
  /** Predicted wait of a job submitted now with default priority. */
  predictedWaitMs: z.number().nullable(),
  lastHour: z.object({
    succeeded: z.number(),
    failed: z.number(),
    cancelled: z.number(),
    medianWaitMs: z.number().nullable(),
    p95WaitMs: z.number().nullable(),
  }),
  predictions: PredictionRecord,
  /** The busiest first, at most 64. */
  classes: z.array(ClassLoad),
})
export type QueueView = z.infer<typeof QueueView>

const JobById = z.object({ id: Id.brand<'JobId'>() })
const PipelineById = z.object({ id: Id.brand<'PipelineId'>() })
const WaitMs = z.coerce
  .number()
  .int()
  .min(0)
  .max(600_000)
  .default(0)
  .describe('Wait so long for the job to end')

export const computeContract = {
  jobs: {
    submit: procedure('job.submit', {
      method: 'POST',
      path: '/jobs',
      successStatus: 201,
      summary: 'Submit a job; the same idempotencyKey returns the first job',
      description:
        'Answers when the job is on the disk. With `waitMs` in the body it answers when the job has ended or that time has passed, whichever comes first, and carries `result` when the job succeeded; look at `state`. Whoever hangs up while waiting does not cancel the job. A repeat with the same `idempotencyKey` waits for the first job.',
      tags: ['compute'],
    })
      .input(JobSpec)
      .output(SubmittedJob),
    list: procedure('job.list', {
      method: 'GET',
      path: '/jobs',
      summary: 'Jobs, newest first',
      tags: ['compute'],
    })
      .input(
        PageQuery.extend({
          state: z.enum(JOB_STATES).optional(),
          kind: JobKind.optional(),
          model: z.string().max(100).optional(),
          finishedUntil: Time.optional().describe('Only jobs that ended at this time or before'),
        }),
      )
      .output(pageOf(Job)),
    get: procedure('job.read', { method: 'GET', path: '/jobs/{id}', summary: 'One job', tags: ['compute'] })
      .input(JobById)
      .output(Job),
    cancel: procedure('job.control', {
      method: 'POST',
      path: '/jobs/{id}/cancel',
      summary: 'Cancel a job',
      tags: ['compute'],
    })
      .input(JobById)
      .output(Job),
    retry: procedure('job.control', {
      method: 'POST',
      path: '/jobs/{id}/retry',
      successStatus: 201,
      summary: 'Submit a copy of a job that ended',
      tags: ['compute'],
    })
      .input(JobById)
      .output(Job),
    hold: procedure('job.control', {
      method: 'POST',
      path: '/jobs/{id}/hold',
      summary: 'Keep a queued job from starting',
      tags: ['compute'],
    })
      .input(JobById)
      .output(Job),
    resume: procedure('job.control', {
      method: 'POST',
      path: '/jobs/{id}/resume',
      summary: 'Let a held job start',
      tags: ['compute'],
    })
      .input(JobById)
      .output(Job),
    update: procedure('job.control', {
      method: 'PATCH',
      path: '/jobs/{id}',
      summary: 'Change the priority',
      tags: ['compute'],
    })
      .input(JobById.extend({ priority: z.number().int().min(0).max(100) }).strict())
      .output(Job),
    result: procedure('job.read', {
      method: 'GET',
      path: '/jobs/{id}/result',
      summary: 'What the job gave',
      tags: ['compute'],
    })
      .input(JobById.extend({ waitMs: WaitMs }))
      .output(JobResult),
    saveDataset: procedure('job.read', {
      method: 'POST',
      path: '/jobs/{id}/dataset',
      successStatus: 202,
      summary: 'Keep the results of a batch as a data set',
      description:
        'One row for each item, in their order, one column for each output; the lineage of the data set names the job, its model and the data set it read. Answers with the import that writes it.',
      tags: ['compute'],
    })
      .input(JobById.extend({ name: ModelName }).strict())
      .output(Import),
    log: procedure('job.read', {
      method: 'GET',
      path: '/jobs/{id}/log',
      summary: 'What the job and its worker said',
      tags: ['compute'],
    })
      .input(JobById.extend(ShortListQuery.shape))
      .output(pageOf(LogLine)),
    events: procedure('job.read', {
      method: 'GET',
      path: '/jobs/{id}/events',
      summary: 'The job as it changes, until it ends',
      tags: ['compute'],
    })
      .input(JobById)
      .output(eventIterator(Job)),
    text: procedure('job.read', {
      method: 'GET',
      path: '/jobs/{id}/text',
      summary: 'What a language model writes, while it writes it',
      description:
        'Server-sent pieces, each with its place: first what there is, then what follows, until the job ends. A piece at a place that was sent before begins the text anew: another attempt.',
      tags: ['compute'],
    })
      .input(JobById)
      .output(eventIterator(TextPiece)),
    watch: procedure('job.list', {
      method: 'GET',
      path: '/events/jobs',
      summary: 'Jobs as they change: all that have not ended, and the 2,000 that ended last',
      tags: ['compute'],
    }).output(eventIterator(feedOf(Job))),
  },
  pipelines: {
    submit: procedure('job.submit', {
      method: 'POST',
      path: '/pipelines',
      successStatus: 201,
      summary: 'Submit jobs that depend on each other: all of them, or none',
      tags: ['compute'],
    })
      .input(PipelineSpec)
      .output(Pipeline),
    list: procedure('job.list', {
      method: 'GET',
      path: '/pipelines',
      summary: 'Pipelines, newest first',
      tags: ['compute'],
    })
      .input(PageQuery)
      .output(pageOf(PipelineSummary)),
    get: procedure('job.read', {
      method: 'GET',
      path: '/pipelines/{id}',
      summary: 'A pipeline with its jobs and its critical path',
      tags: ['compute'],
    })
      .input(PipelineById)
      .output(Pipeline),
    cancel: procedure('job.control', {
      method: 'POST',
      path: '/pipelines/{id}/cancel',
      summary: 'Cancel every job of a pipeline that has not ended',
      tags: ['compute'],
    })
      .input(PipelineById)
      .output(Pipeline),
    retry: procedure('job.control', {
      method: 'POST',
      path: '/pipelines/{id}/retry',
      successStatus: 201,
      summary: 'Submit a pipeline again; what it did and has not changed is taken over',
      tags: ['compute'],
    })
      .input(PipelineById)
      .output(Pipeline),
  },
  queue: procedure('job.list', {
    method: 'GET',
    path: '/queue',
    summary: 'Depth, reasons and predicted waits',
    tags: ['compute'],
  }).output(QueueView),
  whatIf: procedure('job.list', {
    method: 'POST',
    path: '/queue/what-if',
    summary: 'What waits would be on another machine',
    description:
      'Replays jobs through the scheduler on a virtual clock, once on the machine as it is and once as asked for. Takes up to some seconds; one at a time.',
    tags: ['compute'],
  })
    .input(WhatIfQuestion)
    .output(WhatIfAnswer),
  runtimes: runtimesContract,
  plugins: pluginsContract,
}
