import type { JobSpec } from '../../shared/contract'
import type { JobId, PrincipalId } from '../../shared/domain/ids'
import type { Tensors } from '../../shared/domain/tensor'
import { unpackTensors } from '../../shared/domain/tensor-codec'
import { AppError } from '../../shared/errors'
import { specOf } from './copy-of-job'
import type { Settler } from './dispatch/settle'
import { ActiveJob } from './jobs/active-job'
import { inputsStart, PROMPT } from './jobs/artifact-names'
import type { JobIndex } from './jobs/job-index'
import type { JobDefinition, JobStatus } from './jobs/job-row'
import type { JobStore, StoredJob } from './jobs/job-store'
import { inputsOf, type PlainSpec, type Prepared, prepare, type SubmitDeps, versionOf } from './submit'

export interface AdmissionDeps extends SubmitDeps {
  store: JobStore
  index: JobIndex
  settler: Settler
  /** Adds a job that was never seen before: durable when it resolves. It may begin before. */
  enter<T>(job: ActiveJob, work: () => T): Promise<T>
  isStopping(): boolean
  /** Within the transaction that adds it. */
  onAdd(job: ActiveJob): void
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
    this.#assertAccepting()
    const known =
      spec.idempotencyKey === undefined ? null : this.#deps.store.findByKey(by, spec.idempotencyKey)
    if (known) return this.#deps.index.get(known.definition.id) ?? known
    this.#assertDependencies(spec.dependsOn)
    const version = versionOf(this.#deps, spec)
    const inputs = inputsOf(this.#deps.storage, spec, version)
    return this.#admit(await prepare(this.#deps, spec, version, inputs, by), spec)
  }

  /** Submits a job again, as a new one with the same inputs. */
  async copy(definition: JobDefinition, status: JobStatus, by: PrincipalId): Promise<Admitted> {
    this.#assertAccepting()
    const spec = specOf(definition, status, this.#deps.clock.now())
    const items = this.#inputsOf(definition.id)
    const dataset = definition.parameters.kind === 'batch' ? definition.parameters.dataset : null
    const prompt = await this.#deps.storage.artifacts.read(definition.id, PROMPT)
    const version = versionOf(this.#deps, spec)
    return this.#admit(await prepare(this.#deps, spec, version, { items, dataset, prompt }, by), spec)
  }

  async *#inputsOf(id: JobId): AsyncGenerator<Tensors> {
    const { artifacts } = this.#deps.storage
    for (const name of artifacts.list(id).filter((name) => inputsStart(name) !== null)) {
      const bytes = await artifacts.read(id, name)
      if (bytes) yield* unpackTensors(bytes)
    }
  }

  #admit({ definition, inputs, first }: Prepared, spec: PlainSpec): Promise<Admitted> {
    const { index, settler, storage, store, enter, onAdd } = this.#deps
    const job = new ActiveJob(definition, firstStatus(spec, definition.createdAt))
    job.log?.add(definition.createdAt, 'info', 0, 'Submitted')
    if (definition.kind === 'infer') job.inputs = first
    return enter(job, (): Admitted => {
      this.#assertAccepting()
      const known =
        definition.idempotencyKey && store.findByKey(definition.principal, definition.idempotencyKey)
      if (known) return index.get(known.definition.id) ?? known
      this.#assertDependencies(definition.dependsOn)
      // Between the check and now the version may have been deleted; from here on the job protects it.
      if (definition.model !== null) storage.resolve(`${definition.model}@${definition.modelVersion}`)
      job.seq = store.insert(definition, job.status)
      for (const { name, staged } of inputs) storage.artifacts.attach(staged, definition.id, name)
      for (const id of definition.dependsOn) {
        const dependency = index.get(id)?.status.state ?? store.stateOf(id)
        if (dependency === 'succeeded') continue
        job.waitingOn.add(id)
        if (dependency === 'failed' || dependency === 'cancelled') settler.doom(job, id)
      }
      index.add(job)
      onAdd(job)
      return job
    })
  }

  #assertAccepting(): void {
    if (this.#deps.isStopping())
      throw new AppError('system.stopping', 'LLMAgentOS is stopping and takes no more jobs.')
  }

  #assertDependencies(ids: readonly JobId[] | readonly string[]): void {
    for (const id of ids) {
      if (this.#deps.index.get(id) || this.#deps.store.stateOf(id)) continue
      const message = `This job is to wait for job ${id}, which does not exist.`
      throw new AppError('compute.invalid_input', message, {
        input: 'dependsOn',
        wants: 'ids of jobs that exist',
        got: id,
      })
    }
  }
}

function firstStatus(spec: PlainSpec, nowMs: number): JobStatus {
  return {
    state: spec.hold ? 'held' : 'queued',
    priority: spec.priority,
    readyAt: nowMs,
    notBefore: 0,
    cancelRequested: false,
    attempt: 0,
    failures: 0,
    interruptions: 0,
    itemsDone: 0,
    placement: null,
    queuedMs: 0,
    loadMs: 0,
    computeMs: 0,
    error: null,
    startedAt: null,
    finishedAt: null,
  }
}
