import { z } from 'zod'
import { JobKind, Named, Placement, RunWhen } from '../../../shared/contract'
import type { DeviceId, JobId, PipelineId, PrincipalId } from '../../../shared/domain/ids'
import { JOB_STATES, type JobState } from '../../../shared/domain/job-state'
import { PlaceHints } from '../../../shared/domain/place-hints'
import { ResourceVector } from '../../../shared/domain/resources'
import { AppError, type ErrorView, isErrorCode } from '../../../shared/errors'
import { Link } from '../links'
import { StoredAttempt } from './earlier-attempts'

/** What the kinds of jobs need beside their inputs; the inputs lie in artifacts. */
export const JobParameters = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('infer'),
    threads: z.number().int(),
    latencyTargetMs: z.number().nullable().default(null),
  }),
  z.object({
    kind: z.literal('batch'),
    threads: z.number().int(),
    batchSize: z.number().int(),
    dataset: z.string().nullable().default(null),
  }),
  z.object({
    kind: z.literal('benchmark'),
    threads: z.number().int(),
    iterations: z.number().int(),
    warmup: z.number().int(),
  }),
  z.object({
    kind: z.literal('generate'),
    threads: z.number().int(),
    sampling: z.object({
      maxTokens: z.number().int(),
      temperature: z.number(),
      topP: z.number(),
      topK: z.number().int(),
      seed: z.number().int(),
      stop: z.array(z.string()),
      contextSize: z.number().int(),
      completions: z.number().int(),
    }),
  }),
  z.object({
    kind: z.literal('synthetic'),
    durationMs: z.number(),
    busy: z.boolean(),
    fail: z.enum(['error', 'crash', 'hang']).nullable(),
  }),
])
export type JobParameters = z.infer<typeof JobParameters>

/** What preemption has done to a job. */
export const Preempted = z.object({
  times: z.number().int(),
  /** The job that has its place; null while it runs. Rows of before have a text here. */
  by: Named.nullable().catch(null),
  /** Of its length, what a synthetic load has behind it. */
  ranMs: z.number(),
})
export type Preempted = z.infer<typeof Preempted>

/** The table `job`: the row is the truth. Times are Unix ms; `need`, `spec`, `labels`, ... are JSON. */
export interface JobRow {
  seq: number
  id: JobId
  kind: string
  name: string
  reference: string | null
  model: string | null
  modelVersion: number | null
  spec: string
  items: number
  need: string
  place: string | null
  timeoutMs: number | null
  maxAttempts: number
  deadline: number | null
  dependsOn: string
  runWhen: string
  preemptible: number
  links: string
  pipeline: PipelineId | null
  pipelineKey: string | null
  fingerprint: string | null
  reusedFrom: JobId | null
  labels: string
  principal: PrincipalId
  idempotencyKey: string | null
  createdAt: number
  state: JobState
  priority: number
  readyAt: number
  notBefore: number
  cancelRequested: number
  attempt: number
  failures: number
  interruptions: number
  itemsDone: number
  preempted: string | null
  /** Null: none before the one that runs or ended it. */
  attempts: string | null
  placement: string | null
  queuedMs: number
  loadMs: number
  computeMs: number
  error: string | null
  startedAt: number | null
  finishedAt: number | null
}

/** What never changes after a job was submitted. */
export interface JobDefinition {
  readonly id: JobId
  readonly kind: JobKind
  readonly name: string
  /** As asked for. */
  readonly reference: string | null
  readonly model: string | null
  readonly modelVersion: number | null
  readonly parameters: JobParameters
  /** Items of a batch; 1 for all others. */
  readonly items: number
  readonly need: ResourceVector
  /** Null: as it comes. */
  readonly place: PlaceHints | null
  readonly timeoutMs: number | null
  readonly maxAttempts: number
  readonly deadline: number | null
  readonly dependsOn: readonly JobId[]
  readonly runWhen: RunWhen
  readonly preemptible: boolean
  /** What it takes from jobs it depends on. */
  readonly links: readonly Link[]
  readonly pipeline: { readonly id: PipelineId; readonly key: string } | null
  /** Of all that its result follows from; null where a result is not to be reused. */
  readonly fingerprint: string | null
  /** The job whose result is its own. */
  readonly reusedFrom: JobId | null
  readonly labels: Readonly<Record<string, string>>
  readonly principal: PrincipalId
  readonly idempotencyKey: string | null
  readonly createdAt: number
}

/** What changes, always together with the row. */
export interface JobStatus {
  state: JobState
  priority: number
  /** Since when it has waited: what ageing counts from. After a pause it moves, so that earlier waiting still counts. */
  readyAt: number
  /** Not to be tried again before. */
  notBefore: number
  cancelRequested: boolean
  /** Attempts begun, also those that were interrupted. */
  attempt: number
  /** Attempts that failed: what `maxAttempts` bounds. */
  failures: number
  /** Ends of the whole program during an attempt, since the last progress. */
  interruptions: number
  /** Items whose outputs are safely stored. */
  itemsDone: number
  /** Null for one that never was, and has nothing behind it. */
  preempted: Preempted | null
  /** Those that ended without ending it, at most the last 20. */
  attempts: readonly StoredAttempt[]
  placement: { device: DeviceId; amounts: ResourceVector }[] | null
  /** Waited until it last left the queue. */
  queuedMs: number
  loadMs: number
  computeMs: number
  error: ErrorView | null
  startedAt: number | null
  finishedAt: number | null
}

/** What changes when an attempt begins. */
export function startOf(
  { attempt, readyAt, preempted }: JobStatus,
  startedAt: number,
  placement: JobStatus['placement'],
): Partial<JobStatus> {
  return {
    state: 'running',
    attempt: attempt + 1,
    startedAt,
    queuedMs: Math.max(0, startedAt - readyAt),
    placement,
    preempted: preempted && { ...preempted, by: null },
    error: null,
  }
}

/** Of a job that is submitted now. */
export function firstStatus(
  { hold, priority }: { hold: boolean; priority: number },
  nowMs: number,
): JobStatus {
  return {
    state: hold ? 'held' : 'queued',
    priority,
    readyAt: nowMs,
    notBefore: 0,
    cancelRequested: false,
    attempt: 0,
    failures: 0,
    interruptions: 0,
    itemsDone: 0,
    preempted: null,
    attempts: NO_ATTEMPTS,
    placement: null,
    queuedMs: 0,
    loadMs: 0,
    computeMs: 0,
    error: null,
    startedAt: null,
    finishedAt: null,
  }
}

const NO_LINKS = '[]'
const NO_ATTEMPTS: readonly StoredAttempt[] = []
const Attempts = z.array(StoredAttempt)
const State = z.enum(JOB_STATES)
const JobIds = z.array(z.string().brand<'JobId'>())
const Links = z.array(Link)
const Labels = z.record(z.string(), z.string())
const StoredError = z.object({
  code: z.string(),
  message: z.string(),
  details: z.record(z.string(), z.unknown()).optional(),
})

/** Reads a row as strictly as any other input. @throws AppError `storage.corrupt` */
export function parseRow(row: JobRow): { seq: number; definition: JobDefinition; status: JobStatus } {
  try {
    return {
      seq: row.seq,
      definition: {
        id: row.id,
        kind: JobKind.parse(row.kind),
        name: row.name,
        reference: row.reference,
        model: row.model,
        modelVersion: row.modelVersion,
        parameters: JobParameters.parse(JSON.parse(row.spec)),
        items: row.items,
        need: ResourceVector.parse(JSON.parse(row.need)),
        place: row.place === null ? null : PlaceHints.parse(JSON.parse(row.place)),
        timeoutMs: row.timeoutMs,
        maxAttempts: row.maxAttempts,
        deadline: row.deadline,
        dependsOn: JobIds.parse(JSON.parse(row.dependsOn)),
        runWhen: RunWhen.parse(row.runWhen),
        preemptible: row.preemptible === 1,
        links: row.links === NO_LINKS ? [] : Links.parse(JSON.parse(row.links)),
        pipeline: row.pipeline === null ? null : { id: row.pipeline, key: row.pipelineKey ?? '' },
        fingerprint: row.fingerprint,
        reusedFrom: row.reusedFrom,
        labels: Labels.parse(JSON.parse(row.labels)),
        principal: row.principal,
        idempotencyKey: row.idempotencyKey,
        createdAt: row.createdAt,
      },
      status: {
        state: State.parse(row.state),
        priority: row.priority,
        readyAt: row.readyAt,
        notBefore: row.notBefore,
        cancelRequested: row.cancelRequested === 1,
        attempt: row.attempt,
        failures: row.failures,
        interruptions: row.interruptions,
        itemsDone: row.itemsDone,
        preempted: row.preempted === null ? null : Preempted.parse(JSON.parse(row.preempted)),
        attempts: row.attempts === null ? NO_ATTEMPTS : Attempts.parse(JSON.parse(row.attempts)),
        placement:
          row.placement === null
            ? null
            : (Placement.parse(JSON.parse(row.placement)) as JobStatus['placement']),
        queuedMs: row.queuedMs,
        loadMs: row.loadMs,
        computeMs: row.computeMs,
        error: row.error === null ? null : parseError(row.error),
        startedAt: row.startedAt,
        finishedAt: row.finishedAt,
      },
    }
  } catch (cause) {
    throw new AppError(
      'storage.corrupt',
      `The record of job ${row.id} is damaged. Restore the data folder from a copy.`,
      { job: row.id },
      { cause },
    )
  }
}

function parseError(text: string): ErrorView {
  const { code, message, details } = StoredError.parse(JSON.parse(text))
  return { code: isErrorCode(code) ? code : 'internal', message, details }
}

/** True for the stored error of a job whose condition was not met. */
export function tellsSkipped(error: string | null): boolean {
  return error !== null && parseError(error).code === 'compute.skipped'
}

export type JobUpdate = Pick<
  JobRow,
  | 'id'
  | 'state'
  | 'priority'
  | 'readyAt'
  | 'notBefore'
  | 'cancelRequested'
  | 'attempt'
  | 'failures'
  | 'interruptions'
  | 'itemsDone'
  | 'preempted'
  | 'attempts'
  | 'placement'
  | 'queuedMs'
  | 'loadMs'
  | 'computeMs'
  | 'error'
  | 'startedAt'
  | 'finishedAt'
>

/** Field by field: with every job, a spread of so many costs more than the write. */
export function updateOf(id: JobId, status: JobStatus): JobUpdate {
  return {
    id,
    state: status.state,
    priority: status.priority,
    readyAt: status.readyAt,
    notBefore: status.notBefore,
    cancelRequested: status.cancelRequested ? 1 : 0,
    attempt: status.attempt,
    failures: status.failures,
    interruptions: status.interruptions,
    itemsDone: status.itemsDone,
    preempted: status.preempted && JSON.stringify(status.preempted),
    attempts: status.attempts.length === 0 ? null : JSON.stringify(status.attempts),
    placement: status.placement && JSON.stringify(status.placement),
    queuedMs: status.queuedMs,
    loadMs: status.loadMs,
    computeMs: status.computeMs,
    error: status.error && JSON.stringify(status.error),
    startedAt: status.startedAt,
    finishedAt: status.finishedAt,
  }
}

export function rowOf(definition: JobDefinition, status: JobStatus): Omit<JobRow, 'seq'> {
  return Object.assign(updateOf(definition.id, status), {
    kind: definition.kind,
    name: definition.name,
    reference: definition.reference,
    model: definition.model,
    modelVersion: definition.modelVersion,
    spec: JSON.stringify(definition.parameters),
    items: definition.items,
    need: JSON.stringify(definition.need),
    place: definition.place && JSON.stringify(definition.place),
    timeoutMs: definition.timeoutMs,
    maxAttempts: definition.maxAttempts,
    deadline: definition.deadline,
    dependsOn: JSON.stringify(definition.dependsOn),
    runWhen: definition.runWhen,
    preemptible: definition.preemptible ? 1 : 0,
    links: definition.links.length === 0 ? NO_LINKS : JSON.stringify(definition.links),
    pipeline: definition.pipeline?.id ?? null,
    pipelineKey: definition.pipeline?.key ?? null,
    fingerprint: definition.fingerprint,
    reusedFrom: definition.reusedFrom,
    labels: JSON.stringify(definition.labels),
    principal: definition.principal,
    idempotencyKey: definition.idempotencyKey,
    createdAt: definition.createdAt,
  })
}
