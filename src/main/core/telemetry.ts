import type { TelemetrySample } from '../../shared/contract'
import { AppError } from '../../shared/errors'
import { toIso } from '../platform/clock'
import type { Database } from '../platform/database'
import type { Reading } from './host'
import type { CoreTables } from './migrations'

const SECOND_MS = 1000
const MINUTE_MS = 60_000
const DAY_MS = 24 * 3_600_000
const RECENT_MS = 15 * MINUTE_MS
const MOST_POINTS = 2000

interface Point {
  /** Unix ms. */
  at: number
  load: number
  memoryUsedBytes: number
  memoryTotalBytes: number
  cores?: number[] | undefined
  temperatureC?: number | undefined
  powerW?: number | undefined
}

interface Series {
  /** The last 15 minutes, a point a second. */
  seconds: Point[]
  /** The last day, the mean of each full minute. */
  minutes: Point[]
  /** Of the minute that is not full yet. */
  open: Point[]
}

/** Samples in memory: a ring at one second, a ring at one minute; the minutes also in the database for a restart. */
export class Telemetry {
  readonly #database: Database
  readonly #series = new Map<string, Series>()
  /** Full minutes that are not in the database yet. */
  readonly #pending: { device: string; point: Point }[] = []

  #latest: TelemetrySample[] = []

  constructor(database: Database) {
    this.#database = database
  }

  /** Reads back the last day, a device a turn of the event loop. */
  async start(devices: readonly string[], nowMs: number): Promise<void> {
    const db = this.#database.builder<CoreTables>()
    for (const device of devices) {
      const rows = this.#database.all(
        db
          .selectFrom('core_telemetry')
          .selectAll()
          .where('device', '=', device)
          .where('at', '>', nowMs - DAY_MS)
          .where('at', '<=', nowMs)
          .orderBy('at'),
      )
      this.#of(device).minutes = rows.map((row) => ({
        at: row.at,
        load: row.load,
        memoryUsedBytes: row.memory_used,
        memoryTotalBytes: row.memory_total,
        temperatureC: row.temperature ?? undefined,
        powerW: row.power ?? undefined,
      }))
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  /** Takes one reading of each device. */
  add(readings: readonly Reading[], nowMs: number): TelemetrySample[] {
    this.#latest = readings.map(({ device, ...values }) => {
      const series = this.#of(device)
      const point: Point = { at: nowMs, ...values }
      const minute = Math.floor(nowMs / MINUTE_MS) * MINUTE_MS
      const open = series.open[0]
      if (open && Math.floor(open.at / MINUTE_MS) * MINUTE_MS !== minute) this.#closeMinute(device, series)
      series.open.push(point)
      series.seconds.push(point)
      while (series.seconds.length > RECENT_MS / SECOND_MS) series.seconds.shift()
      return toSample(device, point)
    })
    return this.#latest
  }

  /** The samples of the last reading. */
  latest(): TelemetrySample[] {
    return this.#latest
  }

  forget(device: string): void {
    this.#series.delete(device)
  }

  /**
   * Means over steps, oldest first; at most 2,000 points a device, so a step that is too fine is widened.
   * @param query.fromMs Unix ms, default 15 minutes ago
   * @throws AppError `core.not_found` for a device that was never sampled and is not `known`
   */
  query(
    query: { device?: string | undefined; fromMs?: number | undefined; stepMs?: number | undefined },
    nowMs: number,
    known: (device: string) => boolean,
  ): TelemetrySample[] {
    if (query.device !== undefined && !known(query.device) && !this.#series.has(query.device)) {
      throw new AppError('core.not_found', `There is no device ${query.device}.`, { device: query.device })
    }
    const fromMs = Math.max(query.fromMs ?? nowMs - RECENT_MS, nowMs - DAY_MS)
    const finest = Math.ceil(Math.max(0, nowMs - fromMs) / (MOST_POINTS - 1))
    const stepMs = Math.max(query.stepMs ?? SECOND_MS, finest, SECOND_MS)
    const samples: TelemetrySample[] = []
    for (const [device, series] of this.#series) {
      if (query.device !== undefined && query.device !== device) continue
      for (const point of thin(merged(series), fromMs, stepMs)) samples.push(toSample(device, point))
    }
    return samples.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0))
  }

  #of(device: string): Series {
    let series = this.#series.get(device)
    if (!series) {
      series = { seconds: [], minutes: [], open: [] }
      this.#series.set(device, series)
    }
    return series
  }

  #closeMinute(device: string, series: Series): void {
    const first = series.open[0]
    if (!first) return
    const at = Math.floor(first.at / MINUTE_MS) * MINUTE_MS
    // One row holds no list of cores.
    const mean: Point = { ...meanOf(series.open), at, cores: undefined }
    series.open = []
    series.minutes.push(mean)
    while (series.minutes.length > DAY_MS / MINUTE_MS) series.minutes.shift()
    this.#pending.push({ device, point: mean })
  }

  /** Writes the minutes that are full, with whatever else is being committed; forgets what is older than a day. */
  async flush(nowMs: number): Promise<void> {
    const rows = this.#pending.splice(0)
    if (rows.length === 0) return
    const db = this.#database.builder<CoreTables>()
    await this.#database.write(() => {
      for (const { device, point } of rows) {
        const values = {
          load: point.load,
          memory_used: point.memoryUsedBytes,
          memory_total: point.memoryTotalBytes,
          temperature: point.temperatureC ?? null,
          power: point.powerW ?? null,
        }
        this.#database.run(
          db
            .insertInto('core_telemetry')
            .values({ device, at: point.at, ...values })
            .onConflict((conflict) => conflict.columns(['device', 'at']).doUpdateSet(values)),
        )
      }
      this.#database.run(db.deleteFrom('core_telemetry').where('at', '<', nowMs - DAY_MS))
    })
  }
}

/** Minutes up to where the seconds begin, then the seconds. */
function merged({ seconds, minutes }: Series): Point[] {
  const begin = seconds[0]?.at ?? Number.POSITIVE_INFINITY
  return [...minutes.filter((minute) => minute.at + MINUTE_MS <= begin), ...seconds]
}

function thin(points: readonly Point[], fromMs: number, stepMs: number): Point[] {
  const buckets = new Map<number, Point[]>()
  for (const point of points) {
    if (point.at < fromMs) continue
    const at = Math.floor(point.at / stepMs) * stepMs
    const bucket = buckets.get(at)
    if (bucket) bucket.push(point)
    else buckets.set(at, [point])
  }
  return [...buckets].map(([at, bucket]) => ({ ...meanOf(bucket), at }))
}

function meanOf(points: readonly Point[]): Point {
  const last = points.at(-1)
  const cores = last?.cores
  return {
    at: last?.at ?? 0,
    load: mean(points.map(({ load }) => load)) ?? 0,
    memoryUsedBytes: Math.round(mean(points.map(({ memoryUsedBytes }) => memoryUsedBytes)) ?? 0),
    memoryTotalBytes: last?.memoryTotalBytes ?? 0,
    cores: cores?.map((_, core) => mean(points.map((point) => point.cores?.[core])) ?? 0),
    temperatureC: mean(points.map(({ temperatureC }) => temperatureC)),
    powerW: mean(points.map(({ powerW }) => powerW)),
  }
}

function mean(values: readonly (number | undefined)[]): number | undefined {
  let sum = 0
  let count = 0
  for (const value of values) {
    if (value === undefined) continue
    sum += value
    count++
  }
  return count === 0 ? undefined : sum / count
}

function toSample(device: string, point: Point): TelemetrySample {
  return {
    device,
    at: toIso(point.at),
    load: point.load,
    memoryUsedBytes: point.memoryUsedBytes,
    memoryTotalBytes: point.memoryTotalBytes,
    ...(point.cores ? { cores: point.cores } : {}),
    ...(point.temperatureC === undefined ? {} : { temperatureC: point.temperatureC }),
    ...(point.powerW === undefined ? {} : { powerW: point.powerW }),
  }
}
