import type { JobSpec } from '../../shared/contract'
import type { JobId, PrincipalId } from '../../shared/domain/ids'
import type { Tensors } from '../../shared/domain/tensor'
import { unpackTensors } from '../../shared/domain/tensor-codec'
import { AppError } from '../../shared/errors'
import type { Database } from '../platform/database'
import { specOf } from './copy-of-job'
import type { EndingOf } from './dispatch/conditions'
import type { Settler } from './dispatch/settle'
import { ActiveJob } from './jobs/active-job'
import { inputsStart, itemsStart, PROMPT, RESULT } from './jobs/artifact-names'
import type { JobIndex } from './jobs/job-index'
import { firstStatus, type JobDefinition, type JobStatus } from './jobs/job-row'
import type { JobStore, StoredJob } from './jobs/job-store'
import {
  type FindGiver,
  inputsOf,
  type JobIdentity,
  type PlainSpec,
  type Prepared,
  prepare,
  type Route,
  routeNow,
  type SubmitDeps,
  versionOf,
} from './submit'

export interface AdmissionDeps extends SubmitDeps {
  database: Database
  store: JobStore
  index: JobIndex
  settler: Settler
  /** Adds a job that was never seen before: durable when it resolves. It may begin before. */
  enter<T>(job: ActiveJob, work: () => T): Promise<T>
  isStopping(): boolean
  /** Within the transaction that adds it. */
  onAdd(job: ActiveJob): void
  /** Within the transaction: it was added with the result of another, and has ended. */
  onTakeOver(job: ActiveJob): void
}

/** A job as it was taken in; an {@link ActiveJob} goes on to say how it stands. */
type Admitted = ActiveJob | StoredJob

/** Takes jobs in: checked before, acknowledged when on the disk. */
export class Admission {
  readonly #deps: AdmissionDeps

  constructor(deps: AdmissionDeps) {
    this.#deps = deps
  }

  async submit(spec: JobSpec, by: PrincipalId): Promise<Admitted> {
    this.assertAccepting()
    const known =
      spec.idempotencyKey === undefined ? null : this.#deps.store.findByKey(by, spec.idempotencyKey)
    if (known) return this.#deps.index.get(known.definition.id) ?? known
    this.#deps.core.assertJob(by)
    this.#assertDependencies(spec.dependsOn)
    return this.#admit(await this.prepare(spec, this.#alone(by), this.#find), spec)
  }

  /** Submits a job again, as a new one with the same inputs. */
  async copy(definition: JobDefinition, status: JobStatus, by: PrincipalId): Promise<Admitted> {
    this.assertAccepting()
    const spec = specOf(definition, status, this.#deps.clock.now())
    return this.#admit(await this.prepareCopy(definition, spec, this.#alone(by), this.#find), spec)
  }

  /** Checks a job and stores its inputs; nobody sees it before it is added. */
  async prepare(
    spec: JobSpec,
    identity: JobIdentity,
    findGiver: FindGiver,
    route = this.#deps.storage.route,
  ): Promise<Prepared> {
    const version = versionOf(this.#deps, spec, route)
    const inputs = inputsOf(this.#deps.storage, spec, version)
    return prepare(this.#deps, spec, version, inputs, identity, findGiver)
  }

  /** As {@link prepare}, with the inputs of a job that was submitted before. @throws AppError `storage.corrupt` when some are gone */
  async prepareCopy(
    definition: JobDefinition,
    spec: PlainSpec,
    identity: JobIdentity,
    findGiver: FindGiver,
    links = definition.links,
    route = this.#deps.storage.route,
  ): Promise<Prepared> {
    const version = versionOf(this.#deps, spec, route)
    let count = 0
    const items = this.#inputsOf(definition.id, () => count++)
    const dataset = definition.parameters.kind === 'batch' ? definition.parameters.dataset : null
    const prompt = await this.#deps.storage.artifacts.read(definition.id, PROMPT)
    const inputs = { items, dataset, prompt, links }
    const prepared = await prepare(this.#deps, spec, version, inputs, identity, findGiver)
    // That job is of the past: what is too old is removed, also while it is read.
    if (count === ownItems(definition)) return prepared
    const message = `Of the inputs of job ${definition.id} some are gone, so it cannot be run again. Submit it anew with its inputs.`
    throw new AppError('storage.corrupt', message, { job: definition.id })
  }

  /** What these references mean now, for the jobs that are prepared one after the other. */
  routeNow(references: Iterable<string>): Route {
    return routeNow(this.#deps.storage.route, references)
  }

  /** Adds prepared jobs: their rows, their inputs and their places in the queue. Within a transaction. */
  addAll(members: readonly { prepared: Prepared; spec: Pick<PlainSpec, 'hold' | 'priority'> }[]): void {
    const endingOf = this.#deps.settler.endings()
    this.#assertVersions(members.map(({ prepared }) => prepared.definition))
    for (const { prepared, spec } of members) this.#insert(activeJob(prepared, spec), prepared, endingOf)
  }

  /** @throws AppError `system.stopping` */
  assertAccepting(): void {
    if (this.#deps.isStopping())
      throw new AppError('system.stopping', 'LLMAgentOS is stopping and takes no more jobs.')
  }

  #admit(prepared: Prepared, spec: PlainSpec): Promise<Admitted> {
    const { index, store, enter } = this.#deps
    const { definition } = prepared
    const job = activeJob(prepared, spec)
    return enter(job, (): Admitted => {
      this.assertAccepting()
      const known =
        definition.idempotencyKey && store.findByKey(definition.principal, definition.idempotencyKey)
      if (known) return index.get(known.definition.id) ?? known
      this.#assertDependencies(definition.dependsOn)
      this.#assertVersions([definition])
      return this.#insert(job, prepared, this.#endingsOf(definition.dependsOn))
    })
  }

  /** Between the check and now a version may have been deleted; from here on the job protects it. */
  #assertVersions(definitions: readonly JobDefinition[]): void {
    const references = definitions.flatMap(({ model, modelVersion }) =>
      model === null ? [] : `${model}@${modelVersion}`,
    )
    for (const reference of new Set(references)) this.#deps.storage.resolve(reference)
  }

  #insert(job: ActiveJob, { inputs }: Prepared, endingOf: EndingOf): ActiveJob {
    const { core, index, settler, storage, store, onAdd } = this.#deps
    const { definition } = job
    core.chargeJob(definition.principal)
    const taken = this.#takeOver(job, endingOf)
    const added = taken ?? job
    added.seq = store.insert(added.definition, added.status)
    for (const { name, staged } of inputs) storage.artifacts.attach(staged, definition.id, name)
    if (taken) {
      this.#deps.onTakeOver(taken)
      return taken
    }
    settler.awaitDependencies(job, endingOf)
    index.add(job)
    onAdd(job)
    return job
  }

  /** The job with the result of an earlier one that was the same; null when it has to run. */
  #takeOver(job: ActiveJob, endingOf: EndingOf): ActiveJob | null {
    const { store, clock, storage, settler, database } = this.#deps
    const { definition, status } = job
    // What it depends on may decide that it does not run, and what is above it may change what it is for.
    if (definition.fingerprint === null || !settler.mayRun(definition, endingOf)) return null
    const from = store.findReusable(definition.principal, definition.fingerprint)
    if (!from) return null
    const { artifacts } = storage
    const names = artifacts.list(from).filter((name) => name === RESULT || itemsStart(name) !== null)
    if (names.length === 0) return null
    try {
      // All or none: parts of another run would lie between those of this one.
      database.transaction(() => {
        for (const name of names) artifacts.copy(from, definition.id, name)
      })
    } catch (error) {
      // What is damaged there is computed anew.
      if (error instanceof AppError) return null
      throw error
    }
    return new ActiveJob(
      { ...definition, reusedFrom: from },
      { ...status, state: 'succeeded', itemsDone: definition.items, finishedAt: clock.now() },
    )
  }

  readonly #find: FindGiver = (id) =>
    this.#deps.index.get(id)?.definition ?? this.#deps.store.find(id)?.definition ?? null

  #alone(by: PrincipalId): JobIdentity {
    return { id: this.#deps.clock.newId<JobId>('j'), by, pipeline: null }
  }

  async *#inputsOf(id: JobId, onItem: () => void): AsyncGenerator<Tensors> {
    const { artifacts } = this.#deps.storage
    for (const name of artifacts.list(id).filter((name) => inputsStart(name) !== null)) {
      const bytes = await artifacts.read(id, name)
      for (const item of bytes ? unpackTensors(bytes) : []) {
        onItem()
        yield item
      }
    }
  }

  /** How these have ended: asked for at once, since there may be a thousand. */
  #endingsOf(ids: readonly JobId[]): EndingOf {
    const { index, settler, store } = this.#deps
    const ended = store.endingsOf(ids.filter((id) => !index.get(id)))
    const endingOf = settler.endings()
    return (id) => ended.get(id) ?? endingOf(id)
  }

  #assertDependencies(ids: readonly string[]): void {
    const { index, store } = this.#deps
    const others = ids.filter((id) => !index.get(id as JobId))
    const owners = store.ownersOf(others)
    for (const id of others) {
      if (owners.has(id)) continue
      const message = `This job is to wait for job ${id}, which does not exist.`
      throw new AppError('compute.invalid_input', message, {
        input: 'dependsOn',
        wants: 'ids of jobs that exist',
        got: id,
      })
    }
  }
}

/** Items of a job that were stored with it, and not taken from another. */
function ownItems({ kind, items, links }: JobDefinition): number {
  if (kind === 'synthetic' || kind === 'generate') return 0
  return links.some((link) => link.kind === 'items') ? 0 : items
}

function activeJob({ definition, first }: Prepared, spec: Pick<PlainSpec, 'hold' | 'priority'>): ActiveJob {
  const job = new ActiveJob(definition, firstStatus(spec, definition.createdAt))
  job.log?.add(definition.createdAt, 'info', 0, 'Submitted')
  if (definition.kind === 'infer') job.inputs = first
  return job
}
