import type { StorageTask } from '../../shared/contract'
import { AppError, toErrorView } from '../../shared/errors'
import { type Clock, toIso } from '../platform/clock'
import { type Disposable, Emitter } from '../platform/events'
import { translateFileError } from '../platform/files'
import type { Logger } from '../platform/logger'

const KEPT = 100
const TELL_MS = 100

/** The reason of an abort that a person asked for. */
const CANCELLED = new Error('cancelled')

/** What a task gives at its end. */
export type TaskResult = Pick<
  StorageTask,
  'checked' | 'checkedBytes' | 'damaged' | 'missing' | 'removed' | 'freedBytes' | 'removedVersions'
>

export interface TaskContext {
  signal: AbortSignal
  onProgress(bytesDone: number, bytesTotal: number): void
}

interface Entry {
  view: StorageTask
  controller: AbortController
  /** Never rejects. */
  ended: Promise<void>
}

/** Long work on the whole store, visible while it goes on. One of a kind at a time. */
export class StorageTasks implements Disposable {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #entries = new Map<string, Entry>()
  readonly #changed = new Emitter<{ changed: StorageTask[]; removed: string[] }>()
  readonly onDidChange = this.#changed.event

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock
    this.#logger = logger
  }

  /** Begins the work, or joins the one of its kind that goes on. */
  begin(
    kind: StorageTask['kind'],
    by: string,
    work: (context: TaskContext) => Promise<TaskResult>,
  ): StorageTask {
    const present = [...this.#entries.values()].find(
      ({ view }) => view.kind === kind && view.state === 'running',
    )
    if (present) return { ...present.view }
    const entry: Entry = {
      view: {
        id: this.#clock.newId('task'),
        kind,
        state: 'running',
        bytesDone: 0,
        bytesTotal: 0,
        error: null,
        createdAt: toIso(this.#clock.now()),
        finishedAt: null,
        createdBy: by,
      },
      controller: new AbortController(),
      ended: Promise.resolve(),
    }
    this.#entries.set(entry.view.id, entry)
    this.#tell(entry.view)
    entry.ended = this.#run(entry, work)
    return { ...entry.view }
  }

  /** Newest first. */
  list(): StorageTask[] {
    return [...this.#entries.values()].map(({ view }) => ({ ...view })).reverse()
  }

  /** @throws AppError `storage.not_found` */
  get(id: string): StorageTask {
    return { ...this.#require(id).view }
  }

  /** As it is when it has ended or `waitMs` have passed. The wait ends with the signal; the task goes on. */
  async wait(id: string, waitMs: number, signal?: AbortSignal): Promise<StorageTask> {
    const { view, ended } = this.#require(id)
    let cancel: () => void = () => undefined
    const enough = new Promise<void>((resolve) => {
      cancel = this.#clock.setTimer(waitMs, resolve)
      signal?.addEventListener('abort', () => resolve(), { once: true })
    })
    await Promise.race([ended, enough])
    cancel()
    return { ...view }
  }

  /** Idempotent. Resolves when the work has stopped. */
  async cancel(id: string): Promise<StorageTask> {
    const { view, controller, ended } = this.#require(id)
    controller.abort(CANCELLED)
    await ended
    return { ...view }
  }

  async dispose(): Promise<void> {
    const reason = new AppError('system.stopping', 'LLMAgentOS is stopping.')
    for (const { controller } of this.#entries.values()) controller.abort(reason)
    await Promise.all([...this.#entries.values()].map(({ ended }) => ended))
  }

  async #run(entry: Entry, work: (context: TaskContext) => Promise<TaskResult>): Promise<void> {
    const { view, controller } = entry
    let toldAt = this.#clock.now()
    const onProgress = (bytesDone: number, bytesTotal: number) => {
      Object.assign(view, { bytesDone, bytesTotal })
      const now = this.#clock.now()
      if (now - toldAt < TELL_MS) return
      toldAt = now
      this.#tell(view)
    }
    try {
      Object.assign(view, await work({ signal: controller.signal, onProgress }), { state: 'completed' })
    } catch (error) {
      if (controller.signal.reason === CANCELLED) view.state = 'cancelled'
      else {
        const failure = translateFileError(error)
        if (!(failure instanceof AppError)) this.#logger.error({ err: error }, `${view.kind} failed`)
        Object.assign(view, { state: 'failed', error: toErrorView(failure) })
      }
    }
    view.finishedAt = toIso(this.#clock.now())
    this.#tell(view)
    this.#forgetOldest()
  }

  #require(id: string): Entry {
    const entry = this.#entries.get(id)
    if (entry) return entry
    throw new AppError('storage.not_found', 'There is no such task. It may have ended long ago.', { id })
  }

  #forgetOldest(): void {
    const ended = [...this.#entries.values()].filter(({ view }) => view.finishedAt !== null)
    const removed = ended.slice(0, Math.max(0, ended.length - KEPT)).map(({ view }) => view.id)
    if (removed.length === 0) return
    for (const id of removed) this.#entries.delete(id)
    this.#changed.fire({ changed: [], removed })
  }

  #tell(view: StorageTask): void {
    this.#changed.fire({ changed: [{ ...view }], removed: [] })
  }
}
