import type {
  Enforcement,
  EngineView,
  Import,
  Job,
  JobResult,
  JobSpec,
  LogLine,
  Pipeline,
  PipelineSpec,
  PipelineSummary,
  QueueView,
  RuntimeView,
  SubmittedJob,
  TextPiece,
  WhatIfAnswer,
  WhatIfQuestion,
} from '../../shared/contract'
import type { JobId, PipelineId, PrincipalId } from '../../shared/domain/ids'
import type { JobState } from '../../shared/domain/job-state'
import type { Core } from '../core'
import type { LocalExecutor } from '../executors/local'
import type { Clock } from '../platform/clock'
import type { Database } from '../platform/database'
import type { Disposable, Event } from '../platform/events'
import type { Logger } from '../platform/logger'
import type { Storage } from '../storage'
import type { Replays } from './predictions/replays'
import type { SchedulePolicy } from './schedule/types'

export interface JobQuery {
  limit: number
  cursor?: string | undefined
  state?: JobState | undefined
  kind?: Job['kind'] | undefined
  model?: string | undefined
  /** Only this principal's jobs. */
  principal?: PrincipalId | undefined
  /** Only jobs that ended by then, ISO 8601. */
  finishedUntil?: string | undefined
}

/** AI jobs: submit -> schedule -> run -> result. The job row is the truth. */
export interface Compute extends Disposable {
  /** Reconciles with what a crash left, then begins to schedule. */
  start(): Promise<void>
  /** Takes no more work; what can go on later stops at once, other attempts get up to `graceMs` to end. */
  stop(graceMs: number): Promise<void>

  /**
   * Durable when it resolves, which is when the job has ended or `spec.waitMs` have passed. The same principal's
   * `idempotencyKey` returns the first job.
   * @param signal ends the wait, not the job
   * @throws AppError `compute.invalid_input` (details `{input, wants, got}`), `storage.not_found`, `core.impossible`, `core.quota_exceeded`
   */
  submit(spec: JobSpec, by: PrincipalId, signal?: AbortSignal): Promise<SubmittedJob>
  get(id: string): Job
  /** Who submitted each of these jobs, asked for at once; without those that are not there. */
  ownersOf(ids: readonly string[]): Map<string, PrincipalId>
  list(query: JobQuery): { items: Job[]; nextCursor: string | null }
  cancel(id: JobId): Promise<Job>
  retry(id: JobId, by: PrincipalId): Promise<Job>
  hold(id: JobId): Promise<Job>
  resume(id: JobId): Promise<Job>
  setPriority(id: JobId, priority: number): Promise<Job>
  /** @throws AppError `compute.not_finished` when `waitMs` passed; the job's own error when it failed */
  result(id: JobId, waitMs: number, signal?: AbortSignal): Promise<JobResult>
  /** Keeps the results of a batch as a data set. @throws AppError `compute.conflict`, `compute.not_finished` */
  saveDataset(id: JobId, name: string, by: PrincipalId): Promise<Import>
  log(id: JobId): Promise<LogLine[]>
  /** What a language model writes, as it writes it; nothing for any other job. */
  text(id: JobId, signal?: AbortSignal): AsyncGenerator<TextPiece>

  /**
   * Jobs that depend on each other, all of them or none; durable when it resolves.
   * @throws AppError `compute.invalid_input` for a cycle (details `{cycle}`), and as {@link submit} (details `{key}`)
   */
  submitPipeline(spec: PipelineSpec, by: PrincipalId): Promise<Pipeline>
  /** @throws AppError `compute.not_found` */
  getPipeline(id: PipelineId): Promise<Pipeline>
  /** @throws AppError `compute.not_found` */
  pipelineOwner(id: PipelineId): PrincipalId
  /** What its jobs were told to run. */
  pipelineUses(id: PipelineId): Pick<Job, 'model' | 'dataset'>[]
  /** Newest first. @param owner null: everybody's */
  listPipelines(
    query: { limit: number; cursor?: string | undefined },
    owner: PrincipalId | null,
  ): Promise<{ items: PipelineSummary[]; nextCursor: string | null }>
  cancelPipeline(id: PipelineId): Promise<Pipeline>
  /** As a new one; what it did before and has not changed is taken over. */
  retryPipeline(id: PipelineId, by: PrincipalId): Promise<Pipeline>

  /** @param owner whose jobs it tells of that wait; null: everybody's */
  queue(owner?: PrincipalId | null): QueueView
  /** Replays jobs on another machine, one question at a time. @param signal gives it up */
  whatIf(question: WhatIfQuestion, signal?: AbortSignal): Promise<WhatIfAnswer>
  /**
   * Active jobs and the most recent ended ones: what the window shows live. All that run, and at most 10,000 of the others
   * that have not ended. @param owner null: everybody's
   */
  recent(owner: PrincipalId | null): Job[]
  /** Ids of unfinished jobs that need a version. */
  usersOf(model: string, version: number): JobId[]

  runtimes(): RuntimeView[]
  engines(): EngineView[]
  /** How workers are held to their leases here, and why not where not. */
  enforcement(): Enforcement[]
  unload(engine: string): Promise<void>
  setEngineIdle(ms: number): void

  readonly onDidChangeJobs: Event<{ changed: Job[]; removed: string[] }>
}

export interface ComputeDeps {
  core: Core
  storage: Storage
  database: Database
  clock: Clock
  logger: Logger
  executor: LocalExecutor
  replays: Replays
  engineIdleMs: number
  /** Whether like jobs that wait may run in one go. */
  runsTogether(): boolean
  /** Where language models leave the texts that they are to go on with. */
  pausedDir: string
  /** What differs from the usual. */
  policy?: Partial<SchedulePolicy>
}

export { createCompute } from './compute'
export { computeMigrations } from './migrations'
export { createReplays } from './predictions/replays'
