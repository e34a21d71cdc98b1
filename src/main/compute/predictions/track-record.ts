import type { PredictionRecord } from '../../../shared/contract'
import type { JobId } from '../../../shared/domain/ids'
import { type Clock, toIso } from '../../platform/clock'
import type { Database } from '../../platform/database'
import type { Logger } from '../../platform/logger'
import type { ActiveJob } from '../jobs/active-job'
import { Calibration } from '../schedule/calibration'
import { type StartPrediction, score } from '../schedule/predictions'
import { createPredictionStore, type PredictionRow } from './prediction-store'

const DAY_MS = 86_400_000
const MOST_SCORED = 1_000
const MOST_SHOWN = 100
/** What has happened is written at once so long after it, many together. */
const FLUSH_MS = 1_000

interface Told {
  row: PredictionRow
  /** It was held or ended unstarted: what became of the prediction was not the scheduler's doing. */
  isVoid: boolean
  stored: boolean
}

interface TrackRecordDeps {
  database: Database
  clock: Clock
  logger: Logger
  /** When the job of a prediction started that the last run of the program did not see through; null: not, or not to be told. */
  startOf(id: JobId): number | null
  isActive(id: JobId): boolean
}

/** What each job was told when it was first explained, and what came of it: kept over a restart, a day long. */
export class TrackRecord {
  readonly calibration = new Calibration()
  readonly #deps: TrackRecordDeps
  readonly #store: ReturnType<typeof createPredictionStore>
  readonly #told = new Map<JobId, Told>()
  readonly #scored: (PredictionRow & { startedAt: number })[] = []
  #cancel: (() => void) | null = null

  constructor(deps: TrackRecordDeps) {
    this.#deps = deps
    this.#store = createPredictionStore(deps.database)
  }

  load(): void {
    const { clock, isActive, startOf } = this.#deps
    for (const row of this.#store.since(clock.now() - DAY_MS)) {
      const startedAt = row.startedAt ?? startOf(row.job)
      if (startedAt !== null) this.#settle({ ...row, startedAt })
      else if (isActive(row.job)) this.#told.set(row.job, { row, isVoid: false, stored: true })
    }
  }

  /** Only what a job is told first counts: what it is told later is easier. */
  tell(job: ActiveJob, { at, earliest, latest }: StartPrediction, madeAt: number): void {
    if (job.status.attempt > 0 || this.#told.has(job.id)) return
    const { principal, name } = job.definition
    const row = { job: job.id, principal, name, madeAt, at, earliest, latest, startedAt: null }
    this.#told.set(job.id, { row, isVoid: false, stored: false })
    this.#flushSoon()
  }

  /** A job is in another state, perhaps only until its transaction is rolled back. */
  changed({ id, status }: ActiveJob): void {
    const told = this.#told.get(id)
    if (!told) return
    if (status.state === 'running') told.row.startedAt ??= status.startedAt
    else if (status.state === 'queued' && status.attempt === 0) Object.assign(told.row, { startedAt: null })
    told.isVoid = status.state === 'held' || (status.state !== 'queued' && told.row.startedAt === null)
    this.#flushSoon()
  }

  view(): PredictionRecord {
    const since = this.#deps.clock.now() - DAY_MS
    const scored = this.#scored.filter(({ startedAt }) => startedAt >= since)
    const { count, meanError, bias, coverage, intervalScore } = score(
      scored,
      scored.map(({ startedAt }) => startedAt),
    )
    return {
      count,
      meanErrorMs: count === 0 ? null : meanError,
      biasMs: count === 0 ? null : bias,
      coverage: count === 0 ? null : coverage,
      intervalScoreMs: count === 0 ? null : intervalScore,
      recent: scored
        .slice(-MOST_SHOWN)
        .map(({ job, name, principal, madeAt, at, earliest, latest, startedAt }) => ({
          job,
          name,
          principal,
          madeAt: toIso(madeAt),
          startsAt: toIso(at),
          earliest: toIso(earliest),
          latest: toIso(latest),
          startedAt: toIso(startedAt),
        })),
    }
  }

  dispose(): void {
    this.#cancel?.()
  }

  #settle(row: PredictionRow & { startedAt: number }): void {
    this.calibration.observe(row, row.startedAt)
    this.#scored.push(row)
    if (this.#scored.length > MOST_SCORED) this.#scored.shift()
  }

  #flushSoon(): void {
    this.#cancel ??= this.#deps.clock.setTimer(FLUSH_MS, () => {
      this.#cancel = null
      this.#flush()
    })
  }

  #flush(): void {
    const { database, logger, clock } = this.#deps
    const added: PredictionRow[] = []
    const started: { id: JobId; at: number }[] = []
    const dropped: JobId[] = []
    for (const [id, told] of this.#told) {
      const { row, isVoid, stored } = told
      if (isVoid) {
        this.#told.delete(id)
        if (stored) dropped.push(id)
        continue
      }
      if (!stored) added.push({ ...row })
      else if (row.startedAt !== null) started.push({ id, at: row.startedAt })
      told.stored = true
      if (row.startedAt === null) continue
      this.#told.delete(id)
      this.#settle({ ...row, startedAt: row.startedAt })
    }
    if (added.length + started.length + dropped.length === 0) return
    database
      .write(() => {
        for (const row of added) this.#store.add(row)
        for (const { id, at } of started) this.#store.started(id, at)
        for (const id of dropped) this.#store.remove(id)
        this.#store.removeBefore(clock.now() - DAY_MS)
      })
      .catch((error: unknown) => logger.warn({ err: error }, 'Predictions could not be stored'))
  }
}
