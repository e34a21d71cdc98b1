import type {
  Job,
  JobSpec,
  Pipeline,
  PipelineJobSpec,
  PipelineSpec,
  PipelineSummary,
} from '../../shared/contract'
import { criticalPath, topologicalOrder } from '../../shared/domain/graph'
import type { JobId, PipelineId, PrincipalId } from '../../shared/domain/ids'
import { isTerminal } from '../../shared/domain/job-state'
import { AppError } from '../../shared/errors'
import { createBreather } from '../platform/breather'
import { type Clock, toIso } from '../platform/clock'
import type { Admission } from './admission'
import { specOf } from './copy-of-job'
import type { FoundJob } from './job-views'
import type { JobDefinition } from './jobs/job-row'
import type { JobUse, PipelineCounts, PipelineStore, StoredPipeline } from './jobs/pipeline-store'
import type { PlainSpec, Prepared } from './submit'

/** What a job counts for in the critical path before anything is known of its length. */
const UNKNOWN_MS = 50
/** A job that was to be cancelled had come to its end before. */
const OVER: ReadonlySet<string> = new Set(['compute.conflict', 'compute.not_found'])

export interface PipelinesDeps {
  clock: Clock
  pipelines: PipelineStore
  admission: Admission
  /** In the next turn of the scheduler: durable when it resolves. */
  write<T>(work: () => T): Promise<T>
  /** @throws AppError `compute.not_found` */
  find(id: JobId): FoundJob
  view(found: FoundJob): Job
  cancel(id: JobId): Promise<unknown>
  /** Expected run time; null when nothing like it has run. */
  runMsOf(definition: JobDefinition): number | null
}

/** Jobs that depend on each other: submitted together or not at all, and looked at as one. */
export class Pipelines {
  readonly #deps: PipelinesDeps

  constructor(deps: PipelinesDeps) {
    this.#deps = deps
  }

  /**
   * Durable when it resolves.
   * @throws AppError `compute.invalid_input` for a cycle (details `{cycle}`), an unknown or doubled key, or what a job of
   * it is refused for (details `{key}`)
   */
  async submit({ name, jobs, reuse }: PipelineSpec, by: PrincipalId): Promise<Pipeline> {
    const known = new Set(jobs.map(({ key }) => key))
    if (known.size < jobs.length) {
      const twice = jobs.find(({ key }, i) => jobs.findIndex((job) => job.key === key) < i)?.key
      throw invalid('key', `The key "${twice}" stands twice. Give each job one of its own.`)
    }
    const members = jobs.map((job) => ({ key: job.key, dependsOn: keysNeeded(job), job }))
    for (const { key, dependsOn } of members) {
      const stranger = dependsOn.find((other) => !known.has(other))
      if (stranger !== undefined)
        throw invalid('dependsOn', `Job "${key}" waits for "${stranger}", which is no job of this pipeline.`)
    }
    const sorted = topologicalOrder(members)
    if ('cycle' in sorted) {
      const { cycle } = sorted
      const way = [...cycle, cycle[0]].map((key) => `"${key}"`).join(' waits for ')
      throw invalid('dependsOn', `These jobs wait for each other: ${way}.`, { cycle })
    }
    const { admission } = this.#deps
    const route = admission.routeNow(jobs.flatMap((job) => (job.kind === 'synthetic' ? [] : job.model)))
    return this.#add(
      name,
      by,
      sorted.order.map(({ key, job }) => ({
        key,
        prepare: async (identity, idOf, find) => {
          const spec = withIds(job, idOf, job.reuse ?? reuse)
          return { spec, prepared: await admission.prepare(spec, identity, find, route) }
        },
      })),
    )
  }

  /** The same jobs again, as a new pipeline; what has not changed is taken over. */
  async retry(id: PipelineId, by: PrincipalId): Promise<Pipeline> {
    const { pipelines, find, admission, clock } = this.#deps
    const { name, jobs } = this.#find(id)
    const members = pipelines.outlineOf(id)
    if (members.some(({ state }) => !isTerminal(state))) {
      const message = `Pipeline ${id} is still running. Cancel it, or wait for its end.`
      throw new AppError('compute.conflict', message, { pipeline: id })
    }
    const keys = new Map<string, string>(members.map((member) => [member.id, member.key]))
    if (jobs !== null && members.length < jobs) {
      const missing = jobs - members.length
      const message = `Of the ${jobs} jobs of pipeline ${id} ${missing} are no longer there: jobs are removed after 30 days. Submit the pipeline anew.`
      throw new AppError('compute.conflict', message, { pipeline: id, jobs, missing })
    }
    const route = admission.routeNow(this.usesOf(id).flatMap(({ model }) => model ?? []))
    return this.#add(
      name,
      by,
      members.map((member) => ({
        key: member.key,
        prepare: async (identity, idOf, findGiver) => {
          const { definition, status } = find(member.id)
          const now = (old: string) => idOf(keys.get(old) ?? old)
          const links = definition.links.map((link) => ({ ...link, job: now(link.job) }))
          const spec: PlainSpec = {
            ...specOf(definition, status, clock.now()),
            dependsOn: definition.dependsOn.map(now),
            reuse: true,
          }
          const prepared = await admission.prepareCopy(definition, spec, identity, findGiver, links, route)
          return { spec, prepared }
        },
      })),
    )
  }

  /** What has not begun ends at once, the last ones first; what runs when its worker has stopped. */
  async cancel(id: PipelineId): Promise<Pipeline> {
    this.#find(id)
    const open = this.#deps.pipelines.outlineOf(id).filter(({ state }) => !isTerminal(state))
    const ends = open.reverse().map((member) => this.#deps.cancel(member.id))
    for (const end of await Promise.allSettled(ends)) {
      // It may have come to its end before.
      const isOver =
        end.status === 'fulfilled' || (end.reason instanceof AppError && OVER.has(end.reason.code))
      if (!isOver) throw end.reason
    }
    return this.get(id)
  }

  /** A thousand jobs take longer than a turn of the event loop may. @throws AppError `compute.not_found` */
  async get(id: PipelineId): Promise<Pipeline> {
    const row = this.#find(id)
    const breathe = createBreather()
    const keys = new Map<string, string>()
    const jobs: Pipeline['jobs'] = []
    const lengths = new Map<string, number>()
    for (const member of this.#deps.pipelines.jobsOf(id)) {
      const found = this.#deps.find(member)
      const { definition } = found
      const key = keyOf(definition)
      const job = this.#deps.view(found)
      keys.set(member, key)
      lengths.set(key, this.#lengthOf(definition, job))
      // They were added in an order in which none comes before what it depends on.
      jobs.push({ key, dependsOn: definition.dependsOn.flatMap((other) => keys.get(other) ?? []), job })
      await breathe()
    }
    const lengthOf = (key: string) => lengths.get(key) ?? 0
    const path = criticalPath(jobs, lengthOf)
    const whole = jobs.reduce((sum, { key }) => sum + lengthOf(key), 0)
    const done = jobs.reduce(
      (sum, { key, job }) => sum + lengthOf(key) * (isTerminal(job.state) ? 1 : job.progress),
      0,
    )
    const state = stateOf(jobs.map(({ job }) => outlineOf(job)))
    const ends = jobs.flatMap(({ job }) => job.finishedAt ?? [])
    return {
      ...summaryOf(row, state, ends.sort().at(-1) ?? null),
      progress: state !== 'running' ? 1 : whole > 0 ? Math.min(1, done / whole) : 0,
      jobs,
      criticalPath: { keys: path.keys, lengthMs: path.length },
    }
  }

  /** @throws AppError `compute.not_found` */
  ownerOf(id: PipelineId): PrincipalId {
    return this.#find(id).principal
  }

  /** What its jobs were told to run, each once. */
  usesOf(id: PipelineId): JobUse[] {
    return this.#deps.pipelines.usesOf(id)
  }

  /** Newest first. @param owner null: everybody's */
  async list(
    query: { limit: number; cursor?: string | undefined },
    owner: PrincipalId | null,
  ): Promise<{ items: PipelineSummary[]; nextCursor: string | null }> {
    const { rows, nextCursor } = this.#deps.pipelines.list(query, owner)
    const breathe = createBreather()
    const items: PipelineSummary[] = []
    for (const row of rows) {
      items.push(this.#summaryOf(row))
      await breathe()
    }
    return { items, nextCursor }
  }

  /** Writes down what an ended pipeline has come to, unless that is done. @returns how many jobs were looked at for it */
  keepOutcome(id: PipelineId): number {
    const { pipelines } = this.#deps
    if (pipelines.find(id)?.state !== null) return 0
    const { jobs, state, latestEnd } = this.#countsOf(id)
    pipelines.keepOutcome(id, { jobs, state, finishedAt: latestEnd })
    return jobs
  }

  #summaryOf(row: StoredPipeline): PipelineSummary {
    const { jobs, ended, state, latestEnd } = this.#countsOf(row.id)
    const summary = summaryOf(row, state, latestEnd === null ? null : toIso(latestEnd))
    return { ...summary, jobs: row.jobs ?? jobs, ended: row.jobs ?? ended }
  }

  #countsOf(id: PipelineId): PipelineCounts & { state: Pipeline['state'] } {
    const { pipelines } = this.#deps
    const counts = pipelines.countsOf(id)
    const { jobs, ended, succeeded } = counts
    // Which job waits for which matters only where one of them did not succeed.
    const state =
      ended < jobs ? 'running' : succeeded === jobs ? 'succeeded' : stateOf(pipelines.outlineOf(id))
    return { ...counts, state }
  }

  async #add(
    name: string,
    by: PrincipalId,
    members: {
      key: string
      prepare(
        identity: { id: JobId; by: PrincipalId; pipeline: { id: PipelineId; key: string } },
        idOf: (key: string) => string,
        find: (id: JobId) => JobDefinition | null,
      ): Promise<{ spec: Pick<PlainSpec, 'hold' | 'priority'>; prepared: Prepared }>
    }[],
  ): Promise<Pipeline> {
    const { clock, admission, pipelines, write } = this.#deps
    admission.assertAccepting()
    const id = clock.newId<PipelineId>('p')
    const ids = new Map(members.map(({ key }) => [key, clock.newId<JobId>('j')]))
    const definitions = new Map<JobId, JobDefinition>()
    const ready: Awaited<ReturnType<(typeof members)[number]['prepare']>>[] = []
    const breathe = createBreather()
    for (const { key, prepare } of members) {
      const identity = { id: ids.get(key) as JobId, by, pipeline: { id, key } }
      const member = await prepare(
        identity,
        (other) => ids.get(other) ?? other,
        (other) => definitions.get(other) ?? null,
      ).catch((error: unknown) => {
        throw ofMember(error, key)
      })
      definitions.set(identity.id, member.prepared.definition)
      // A thousand of them would fill the memory; they are read from the disk when they run.
      ready.push({ ...member, prepared: { ...member.prepared, first: null } })
      await breathe()
    }
    await write(() => {
      admission.assertAccepting()
      pipelines.insert({ id, name, principal: by, createdAt: clock.now() })
      admission.addAll(ready)
    })
    return this.get(id)
  }

  #lengthOf(definition: JobDefinition, job: Job): number {
    const expected = this.#deps.runMsOf(definition) ?? UNKNOWN_MS
    const took = job.timings.loadMs + job.timings.computeMs
    if (isTerminal(job.state)) return took
    return Math.max(expected, took)
  }

  #find(id: string): StoredPipeline {
    const row = this.#deps.pipelines.find(id)
    if (row) return row
    throw new AppError(
      'compute.not_found',
      `There is no pipeline ${id}. It may have been removed after 30 days.`,
      {
        pipeline: id,
      },
    )
  }
}

interface Outline {
  id: string
  dependsOn: readonly string[]
  state: Job['state']
  isSkipped: boolean
}

/**
 * As the jobs stand that no other of them waited for, but those that were skipped: a failure that another job has seen to
 * is none of the whole.
 */
function stateOf(jobs: readonly Outline[]): Pipeline['state'] {
  if (jobs.some(({ state }) => !isTerminal(state))) return 'running'
  const kept = jobs.filter(({ isSkipped }) => !isSkipped)
  const awaited = new Set(kept.flatMap(({ dependsOn }) => dependsOn))
  const last = kept.filter(({ id }) => !awaited.has(id))
  if (last.some(({ state }) => state === 'failed')) return 'failed'
  return last.some(({ state }) => state === 'cancelled') ? 'cancelled' : 'succeeded'
}

function outlineOf({ id, dependsOn, state, error }: Job): Outline {
  return { id, dependsOn, state, isSkipped: error?.code === 'compute.skipped' }
}

/** @param state and when the last of its jobs ended, by those that are there: where some have been removed the row tells more */
function summaryOf(
  row: StoredPipeline,
  state: Pipeline['state'],
  latestEnd: string | null,
): Omit<PipelineSummary, 'jobs' | 'ended'> {
  const { id, name, principal, createdAt } = row
  const finishedAt = row.finishedAt === null ? latestEnd : toIso(row.finishedAt)
  return {
    id,
    name,
    state: row.state ?? state,
    principal,
    createdAt: toIso(createdAt),
    finishedAt: state === 'running' ? null : finishedAt,
  }
}

function keyOf({ pipeline, id }: JobDefinition): string {
  return pipeline?.key ?? id
}

/** Keys that a job names, in whatever way. */
function keysNeeded(job: PipelineJobSpec): string[] {
  return [...new Set([...job.dependsOn, ...givers(job)])]
}

function givers(job: PipelineJobSpec): string[] {
  switch (job.kind) {
    case 'infer':
      return Object.values(job.inputs).flatMap((value) => ('fromJob' in value ? [value.fromJob] : []))
    case 'batch':
      return job.items && !Array.isArray(job.items) ? [job.items.fromJob] : []
    case 'generate':
      return typeof job.prompt === 'object' ? [job.prompt.fromJob] : []
    default:
      return []
  }
}

/** The same job with the ids of the jobs that it names by their keys. */
function withIds(job: PipelineJobSpec, idOf: (key: string) => string, reuse: boolean): JobSpec {
  const { key: _, ...rest } = job
  const common = { dependsOn: job.dependsOn.map(idOf), reuse, waitMs: 0 }
  switch (rest.kind) {
    case 'infer': {
      const inputs = Object.entries(rest.inputs).map(([name, value]) => [
        name,
        'fromJob' in value ? { ...value, fromJob: idOf(value.fromJob) } : value,
      ])
      return { ...rest, ...common, inputs: Object.fromEntries(inputs) }
    }
    case 'batch': {
      const { items } = rest
      if (!items || Array.isArray(items)) return { ...rest, ...common }
      return { ...rest, ...common, items: { ...items, fromJob: idOf(items.fromJob) } }
    }
    case 'generate': {
      const { prompt } = rest
      if (typeof prompt !== 'object') return { ...rest, ...common }
      return { ...rest, ...common, prompt: { ...prompt, fromJob: idOf(prompt.fromJob) } }
    }
    default:
      return { ...rest, ...common }
  }
}

function invalid(input: string, message: string, details: Record<string, unknown> = {}): AppError {
  return new AppError('compute.invalid_input', message, { input, ...details })
}

/** The same error, telling which job of the pipeline it is about. */
function ofMember(error: unknown, key: string): unknown {
  if (!(error instanceof AppError)) return error
  return new AppError(
    error.code,
    `Job "${key}": ${error.message}`,
    { ...error.details, key },
    { cause: error },
  )
}
