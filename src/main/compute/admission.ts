import type { Job, JobSpec } from '../../shared/contract'
import type { JobId, PrincipalId } from '../../shared/domain/ids'
import type { Tensors } from '../../shared/domain/tensor'
import { unpackTensors } from '../../shared/domain/tensor-codec'
import { AppError } from '../../shared/errors'
import { specOf } from './copy-of-job'
import type { Settler } from './dispatch/settle'
import { ActiveJob } from './jobs/active-job'
import { isInputs } from './jobs/artifact-names'
import type { JobIndex } from './jobs/job-index'
import type { JobDefinition, JobStatus } from './jobs/job-row'
import type { JobStore, StoredJob } from './jobs/job-store'
import { type PlainSpec, type Prepared, prepare, type SubmitDeps, tensorsOf } from './submit'

export interface AdmissionDeps extends SubmitDeps {
  store: JobStore
  index: JobIndex
  settler: Settler
  /** In the next turn of the scheduler: durable when it resolves. */
  write<T>(work: () => T): Promise<T>
  isStopping(): boolean
  /** Within the transaction that adds it. */
  onAdd(job: ActiveJob): void
  view(definition: JobDefinition, status: JobStatus, live: ActiveJob | null): Job
}

/** Takes jobs in: checked before, acknowledged when on the disk. */
export class Admission {
  readonly #deps: AdmissionDeps

  constructor(deps: AdmissionDeps) {
    this.#deps = deps
  }

  async submit(spec: JobSpec, by: PrincipalId): Promise<Job> {
    this.#assertAccepting()
    const known =
      spec.idempotencyKey === undefined ? null : this.#deps.store.findByKey(by, spec.idempotencyKey)
    if (known) return this.#viewOf(known)
    this.#assertDependencies(spec.dependsOn)
    return this.#admit(await prepare(this.#deps, spec, await tensorsOf(spec), by), spec)
  }

  /** Submits a job again, as a new one with the same inputs. */
  async copy(definition: JobDefinition, status: JobStatus, by: PrincipalId): Promise<Job> {
    this.#assertAccepting()
    const { artifacts } = this.#deps.storage
    const tensors: Tensors[] = []
    for (const name of artifacts.list(definition.id).filter(isInputs)) {
      const bytes = await artifacts.read(definition.id, name)
      if (bytes) for (const item of unpackTensors(bytes)) tensors.push(item)
    }
    const spec = specOf(definition, status, this.#deps.clock.now())
    return this.#admit(await prepare(this.#deps, spec, tensors, by), spec)
  }

  async #admit({ definition, inputs }: Prepared, spec: PlainSpec): Promise<Job> {
    const { index, settler, storage, store, write, onAdd } = this.#deps
    const admitted = await write((): ActiveJob | StoredJob => {
      this.#assertAccepting()
      const known =
        definition.idempotencyKey && store.findByKey(definition.principal, definition.idempotencyKey)
      if (known) return known
      this.#assertDependencies(definition.dependsOn)
      // Between the check and now the version may have been deleted; from here on the job protects it.
      if (definition.model !== null) storage.resolve(`${definition.model}@${definition.modelVersion}`)
      const status = firstStatus(spec, definition.createdAt)
      const job = new ActiveJob(store.insert(definition, status), definition, status)
      for (const { name, staged } of inputs) storage.artifacts.attach(staged, definition.id, name)
      for (const id of definition.dependsOn) {
        const dependency = index.get(id)?.status.state ?? store.stateOf(id)
        if (dependency === 'succeeded') continue
        job.waitingOn.add(id)
        if (dependency === 'failed' || dependency === 'cancelled') settler.doom(job, id)
      }
      job.log?.add(definition.createdAt, 'info', 0, 'Submitted')
      index.add(job)
      onAdd(job)
      return job
    })
    return this.#viewOf(admitted)
  }

  #viewOf({ definition, status }: { definition: JobDefinition; status: JobStatus }): Job {
    const live = this.#deps.index.get(definition.id) ?? null
    return this.#deps.view(definition, live?.status ?? status, live)
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
