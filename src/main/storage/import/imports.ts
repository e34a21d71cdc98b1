import { stat } from 'node:fs/promises'
import { basename, isAbsolute } from 'node:path'
import type { Import, MadeFrom } from '../../../shared/contract'
import type { ImportId, PrincipalId } from '../../../shared/domain/ids'
import { ModelName } from '../../../shared/domain/references'
import { AppError, toErrorView } from '../../../shared/errors'
import { type Clock, toIso } from '../../platform/clock'
import type { Database } from '../../platform/database'
import { codeOf } from '../../platform/error-code'
import { type Disposable, Emitter } from '../../platform/events'
import { translateFileError } from '../../platform/files'
import type { Logger } from '../../platform/logger'
import { isMissing } from '../blobs'
import type { Datasets } from '../datasets/datasets'
import type { ArchivedOrigins } from '../export'
import type { Bringer, ConfirmedAs, ImportSource, ResumableSource, StorageDeps } from '../index'
import type { Models } from '../models'
import type { StorageQuotas } from '../quotas'
import { isStopping } from '../stopping'
import { type AnyCandidate, confirmed, nameOf, proposalOf } from './candidate'
import { ImportRows } from './import-rows'
import { displayText } from './name'
import { Slots } from './slots'
import { Suggestions } from './suggestions'
import { rejectionOf, Taking, type TakingDeps } from './taking'
import { UnwrittenEnds } from './unwritten-ends'

const AT_ONCE = 2
/** Of one principal, those that wait for their turn or their bytes too: each holds files, and all are told to every view. */
const MOST_OF_ONE = 500
/** Of one principal, those that wait to be confirmed: each keeps a row, and its bytes. */
const MOST_WAITING = 1_000
const TELL_MS = 100

/** The reason of an abort that a person asked for; any other abort is a failure. */
const CANCELLED = new Error('cancelled')

interface Running {
  view: Import
  controller: AbortController
  /** Never rejects. */
  ended: Promise<void>
  toldAt: number
}

export interface ImportsDeps
  extends Omit<TakingDeps, 'slots' | 'parts' | 'assertQuota' | 'assertVersion' | 'originsHere'> {
  database: Database
  clock: Clock
  logger: Logger
  models: Models
  datasets: Datasets
  quotas: StorageQuotas
  /** What an archive that somebody brings says it was made from, as far as the same bytes are here and they may name them. */
  originsHere(archived: ArchivedOrigins, by: Bringer): MadeFrom
  assertMayManage: StorageDeps['assertMayManage']
  /** Removes blobs that nothing names. */
  discard(digests: string[]): Promise<void>
}

/** Imports from beginning to a terminal state: each ends in an immutable version or in nothing. */
export class Imports implements Disposable {
  readonly #deps: ImportsDeps
  readonly #rows: ImportRows
  readonly #slots = new Slots(AT_ONCE)
  readonly #running = new Map<string, Running>()
  readonly #unwritten: UnwrittenEnds
  readonly #suggestions: Suggestions
  readonly #changed = new Emitter<{ changed: Import[]; removed: string[] }>()
  readonly onDidChange = this.#changed.event

  constructor(deps: ImportsDeps) {
    this.#deps = deps
    this.#rows = new ImportRows(deps.database)
    this.#unwritten = new UnwrittenEnds(this.#rows, deps.clock, deps.logger)
    this.#suggestions = new Suggestions(this.#rows, deps, (view) => this.#tell(view))
  }

  /** Who will go on with what {@link reconcile} takes up again. */
  resumable(): { id: string; source: ResumableSource }[] {
    return this.#rows.list().flatMap(({ id, state }) => {
      const source = state === 'running' ? this.#rows.source(id) : null
      return source ? [{ id, source }] : []
    })
  }

  /**
   * What a crash or the end of the system interrupted begins again where its source is still there, else it has failed;
   * what waits goes on waiting if its bytes are still there.
   */
  async reconcile(): Promise<{ interrupted: number }> {
    let count = 0
    // The oldest first: as before the interruption, those that began later have what room those leave.
    for (const view of this.#rows.list().reverse()) {
      const source = view.state === 'running' ? this.#rows.source(view.id) : null
      if (source) {
        Object.assign(view, { bytesDone: 0, findings: [], verdict: null })
        this.#go(view, source)
        count++
      } else if (view.state === 'running') {
        this.#end(view, { state: 'failed', error: interrupted().toView() })
        count++
      } else if (view.state === 'waiting') await this.#reconcileWaiting(view)
    }
    this.#rows.forgetOldest()
    return { interrupted: count }
  }

  async #reconcileWaiting(view: Import): Promise<void> {
    try {
      await this.#assertCandidate(view)
    } catch (error) {
      this.#deps.logger.warn(
        { err: error, import: view.id },
        'The bytes of a waiting import cannot be looked at.',
      )
    }
  }

  async begin(source: ImportSource, by: PrincipalId): Promise<Import> {
    if (source.name !== undefined && !ModelName.safeParse(source.name).success) {
      throw new AppError(
        'system.invalid',
        'A model name has 1-64 of a-z, 0-9, dot, dash and underscore, beginning and ending with a letter or digit.',
        { field: 'name' },
      )
    }
    if (source.kind === 'path') await assertPath(source.path)
    this.#assertFew(by)
    const { clock } = this.#deps
    const view: Import = {
      id: clock.newId<ImportId>('imp'),
      state: 'running',
      source: displayText(labelOf(source)),
      bytesDone: 0,
      bytesTotal: source.kind === 'upload' ? source.bytesTotal : 0,
      verdict: null,
      findings: [],
      kind: null,
      suggestion: null,
      dataset: null,
      model: null,
      version: null,
      known: false,
      error: null,
      createdAt: toIso(clock.now()),
      finishedAt: null,
      createdBy: by,
    }
    this.#rows.insert(view, source.kind === 'upload' ? null : source)
    this.#go(view, source)
    return { ...view }
  }

  #assertFew(by: PrincipalId): void {
    const own = [...this.#running.values()].filter(({ view }) => view.createdBy === by).length
    if (own >= MOST_OF_ONE) {
      const message = `${own} imports of ${by} are on their way already. Let some of them end first.`
      throw new AppError('network.rate_limited', message, { retryAfterMs: 1000 })
    }
    const waiting = this.#rows.countWaiting(by)
    if (waiting >= MOST_WAITING) {
      const message = `${waiting} imports of ${by} wait to be confirmed. Confirm or cancel some of them first.`
      throw new AppError('storage.conflict', message, { waiting })
    }
  }

  #go(view: Import, source: ImportSource): void {
    const { clock } = this.#deps
    const running: Running = {
      view,
      controller: new AbortController(),
      ended: Promise.resolve(),
      toldAt: clock.now(),
    }
    this.#running.set(view.id, running)
    this.#tell(view)
    running.ended = this.#run(running, source)
  }

  get(id: string): Import {
    const known = this.#inMemory(id)
    if (known) return { ...known }
    const view = this.#rows.find(id)
    if (!view)
      throw new AppError(
        'storage.not_found',
        `There is no import ${displayText(id)}. It may be too old to be remembered.`,
        { id },
      )
    return view
  }

  /** Resolves when an import runs no more; at once for one that has ended. */
  async ended(id: string): Promise<void> {
    await this.#running.get(id)?.ended
  }

  /** Newest first. */
  list(): Import[] {
    return this.#rows.list().map((view) => ({ ...(this.#inMemory(view.id) ?? view) }))
  }

  /** What rows do not say yet. */
  #inMemory(id: string): Import | undefined {
    return this.#running.get(id)?.view ?? this.#unwritten.get(id)
  }

  /** Idempotent: an import that has ended stays as it ended. Resolves when nothing of it is left. */
  async cancel(id: ImportId): Promise<Import> {
    const running = this.#running.get(id)
    if (running) {
      running.controller.abort(CANCELLED)
      await running.ended
      return this.get(id)
    }
    const view = this.get(id)
    if (view.state !== 'waiting') return view
    const candidate = this.#rows.candidate(id)
    this.#end(view, { state: 'cancelled' })
    await this.#deps.discard(candidate?.files.map((file) => file.digest) ?? [])
    return this.get(id)
  }

  /** @param change a family also becomes that of a model that is there */
  async confirm(id: ImportId, change: ConfirmedAs = {}, by?: Bringer): Promise<Import> {
    const view = this.get(id)
    const candidate = view.state === 'waiting' ? await this.#assertCandidate(view) : null
    // Asked again: it may have been confirmed or cancelled while the disk was asked.
    if (!candidate || this.get(id).state !== 'waiting') {
      const { state } = this.get(id)
      throw new AppError(
        'storage.conflict',
        `This import is ${state}; only one that waits can be confirmed.`,
        { state },
      )
    }
    const named = confirmed(candidate, change)
    // The name may have been taken while the disk was asked.
    if (by) this.#assertTheirs(by, named.kind, nameOf(named))
    this.#complete(view, named, change.family)
    return this.get(id)
  }

  async dispose(): Promise<void> {
    for (const running of this.#running.values()) running.controller.abort(interrupted())
    await Promise.all([...this.#running.values()].map((running) => running.ended))
    await this.#suggestions.settled()
    this.#unwritten.dispose()
  }

  async #run(running: Running, source: ImportSource): Promise<void> {
    const { view, controller } = running
    const { quotas, models, datasets } = this.#deps
    const by = view.createdBy as PrincipalId
    const bringer: Bringer = { principal: by, key: source.key ?? null }
    const deps: TakingDeps = {
      ...this.#deps,
      slots: this.#slots,
      parts: this.#deps.blobs.parts(view.id),
      assertQuota: (bytes) => quotas.assertRoom(by, this.#bytesBefore(view) + bytes),
      originsHere: (archived) => this.#deps.originsHere(archived, bringer),
      assertVersion: (kind, name, wanted) => {
        this.#assertTheirs(bringer, kind, name)
        ;(kind === 'model' ? models : datasets).assertNumber(name, wanted)
      },
    }
    const taking = new Taking(deps, controller.signal, {
      onSource: (label) => {
        view.source = displayText(label)
      },
      onInspected: (verdict, findings, bytesTotal) => {
        Object.assign(view, { verdict, findings, bytesDone: 0, bytesTotal })
        this.#tell(view)
      },
      onProgress: (bytesDone, bytesTotal) => this.#progress(running, bytesDone, bytesTotal),
    })
    try {
      const candidate = await this.#attempt(taking, source, controller.signal)
      candidate.source = view.source
      Object.assign(view, {
        bytesDone: candidate.sizeBytes,
        bytesTotal: candidate.sizeBytes,
        kind: candidate.kind,
        suggestion: this.#suggestions.of(proposalOf(candidate)),
      })
      if (view.verdict === 'warn' || source.review) this.#wait(view, candidate)
      else {
        // Asked again: the name or the right may have been taken since.
        this.#assertTheirs(bringer, candidate.kind, nameOf(candidate))
        this.#complete(view, candidate)
      }
      taking.release()
    } catch (error) {
      await this.#fail(view, taking, error, controller.signal)
    } finally {
      this.#running.delete(view.id)
    }
  }

  isTaken(kind: AnyCandidate['kind'], name: string): boolean {
    return (kind === 'model' ? this.#deps.models : this.#deps.datasets).isTaken(name)
  }

  /** A new name is free to all who may import; what has one is changed by who may manage it. */
  #assertTheirs(by: Bringer, kind: AnyCandidate['kind'], name: string): void {
    if (this.isTaken(kind, name)) this.#deps.assertMayManage(by, kind, name)
  }

  /**
   * What those of the same principal that began before this one bring, as far as is known: together they do not take the
   * room of one. Of two that do not fit, the first goes on.
   */
  #bytesBefore({ id, createdBy }: Import): number {
    let bytes = 0
    for (const { view } of this.#running.values()) {
      if (view.id === id) break
      if (view.createdBy === createdBy) bytes += Math.max(view.bytesDone, view.bytesTotal)
    }
    return bytes
  }

  /** Whatever happens, afterwards no worker runs and no temporary file is left. */
  async #attempt(taking: Taking, source: ImportSource, signal: AbortSignal): Promise<AnyCandidate> {
    try {
      return await taking.run(source)
    } finally {
      await taking.close()
      signal.throwIfAborted()
    }
  }

  async #fail(view: Import, taking: Taking, error: unknown, signal: AbortSignal): Promise<void> {
    const { logger, discard } = this.#deps
    try {
      await discard(taking.release())
    } catch (second) {
      logger.error({ err: second, import: view.id }, 'The bytes of an import that failed stay until gc.')
    }
    const end = this.#endOf(view, error, signal)
    try {
      // The row still says `running`: the next start takes it up again.
      if (isStopping(signal) && this.#rows.source(view.id)) return
      this.#end(view, end)
    } catch (second) {
      logger.error({ err: second, import: view.id }, 'The end of an import could not be written yet.')
      this.#unwritten.add(view)
      this.#tell(view)
    }
  }

  #endOf(view: Import, error: unknown, signal: AbortSignal): Partial<Import> {
    if (signal.reason === CANCELLED) return { state: 'cancelled' }
    const findings = rejectionOf(error)
    if (findings) return { state: 'rejected', verdict: 'reject', findings: [...view.findings, ...findings] }
    const failure = translateFileError(error)
    if (!(failure instanceof AppError))
      this.#deps.logger.error({ err: error, import: view.id }, 'An import failed unexpectedly.')
    return { state: 'failed', error: toErrorView(failure) }
  }

  #wait(view: Import, candidate: AnyCandidate): void {
    const waiting: Import = { ...view, state: 'waiting' }
    const { database, quotas } = this.#deps
    database.transaction(() => {
      this.#rows.update(waiting, candidate)
      quotas.assertWithin(view.createdBy)
    })
    Object.assign(view, waiting)
    this.#tell(view)
  }

  /** One transaction makes the version visible. @param family undefined: a model that is there keeps its own */
  #complete(view: Import, candidate: AnyCandidate, family?: string | null): void {
    const { database, models, datasets, quotas, clock } = this.#deps
    const by = view.createdBy as PrincipalId
    const { next: completed, forgotten } = database.transaction(() => {
      const { version, known } =
        candidate.kind === 'model' ? models.add(candidate, view.id, by) : datasets.add(candidate, view.id, by)
      if (candidate.kind === 'model' && family !== undefined) models.setFamily(candidate.model, family)
      const next: Import = {
        ...view,
        state: 'completed',
        model: candidate.kind === 'model' ? candidate.model : null,
        dataset: candidate.kind === 'dataset' ? candidate.name : null,
        version,
        known,
        finishedAt: toIso(clock.now()),
      }
      this.#rows.update(next)
      const forgotten = this.#rows.forgetOldest()
      if (!known) quotas.assertWithin(by)
      return { next, forgotten }
    })
    Object.assign(view, completed)
    this.#tell(view, forgotten)
    if (!completed.known || family !== undefined) {
      if (candidate.kind === 'model') models.announce(candidate.model)
      else datasets.announce(candidate.name)
    }
    if (!completed.known) this.#suggestions.renew(nameOf(candidate), candidate.files[0]?.digest ?? '')
  }

  #end(view: Import, change: Partial<Import>): void {
    Object.assign(view, change, { finishedAt: toIso(this.#deps.clock.now()) })
    this.#rows.update(view)
    this.#tell(view, this.#rows.forgetOldest())
  }

  async #assertCandidate(view: Import): Promise<AnyCandidate | null> {
    const candidate = this.#rows.candidate(view.id)
    const present = await Promise.all(
      (candidate?.files ?? []).map((file) => this.#deps.blobs.has(file.digest)),
    )
    if (candidate && present.every(Boolean)) return candidate
    const error = new AppError(
      'storage.corrupt',
      'The bytes of this waiting import are gone. Import it again.',
    )
    this.#end(view, { state: 'failed', error: error.toView() })
    return null
  }

  #progress(running: Running, bytesDone: number, bytesTotal?: number): void {
    running.view.bytesDone = bytesDone
    if (bytesTotal !== undefined) running.view.bytesTotal = bytesTotal
    const now = this.#deps.clock.now()
    if (now - running.toldAt < TELL_MS) return
    running.toldAt = now
    this.#tell(running.view)
  }

  /** @param removed ids of those that are forgotten */
  #tell(view: Import, removed: string[] = []): void {
    this.#changed.fire({ changed: [{ ...view }], removed })
  }
}

function labelOf(source: ImportSource): string {
  if (source.kind === 'path') return basename(source.path)
  return source.kind === 'hub' ? `hub:${source.repository}` : (source.name ?? 'upload')
}

async function assertPath(path: string): Promise<void> {
  if (!isAbsolute(path)) {
    throw new AppError('system.invalid', 'Give the full path of the file or folder, beginning at the root.', {
      field: 'path',
    })
  }
  try {
    await stat(path)
  } catch (error) {
    const name = displayText(basename(path))
    if (isMissing(error) || codeOf(error) === 'ERR_INVALID_ARG_VALUE') {
      throw new AppError(
        'storage.not_found',
        `There is no file or folder "${name}" at this place.`,
        { field: 'path' },
        { cause: error },
      )
    }
    throw new AppError(
      'storage.unreadable',
      `"${name}" may not be read. Check its permissions.`,
      { field: 'path' },
      { cause: error },
    )
  }
}

function interrupted(): AppError {
  return new AppError(
    'system.stopping',
    'LLMAgentOS ended before this import was complete. Nothing of it was kept; import it again.',
  )
}
