import { z } from 'zod'
import { LogLine } from '../../../shared/contract'
import { formatDuration } from '../../../shared/domain/units'
import { toIso } from '../../platform/clock'
import type { JobDefinition, JobStatus } from './job-row'

const FIRST_LINES = 200
const LAST_LINES = 800
const LINE_CHARACTERS = 2_000

/** The lines of a job: the first and the last are kept when there are too many. */
export class JobLog {
  readonly #first: LogLine[] = []
  readonly #last: LogLine[] = []
  #dropped = 0

  add(atMs: number, level: LogLine['level'], attempt: number, text: string): void {
    const cut = text.length > LINE_CHARACTERS ? `${text.slice(0, LINE_CHARACTERS)} …` : text
    this.#push({ at: toIso(atMs), level, attempt, text: cut })
  }

  lines(): LogLine[] {
    const last = this.#last[0]
    if (this.#dropped === 0 || !last) return [...this.#first, ...this.#last]
    const gap: LogLine = {
      at: last.at,
      level: 'info',
      attempt: last.attempt,
      text: `… ${this.#dropped} lines left out …`,
    }
    return [...this.#first, gap, ...this.#last]
  }

  encode(): Uint8Array {
    return new TextEncoder().encode(
      JSON.stringify({ lines: [...this.#first, ...this.#last], dropped: this.#dropped }),
    )
  }

  /** The inverse of {@link encode}; a damaged log is an empty one. */
  static decode(bytes: Uint8Array | null): JobLog {
    const log = new JobLog()
    const stored = bytes && parse(bytes)
    if (!stored) return log
    for (const line of stored.lines) log.#push(line)
    log.#dropped += stored.dropped
    return log
  }

  #push(line: LogLine): void {
    if (this.#first.length < FIRST_LINES) {
      this.#first.push(line)
      return
    }
    this.#last.push(line)
    if (this.#last.length > LAST_LINES) {
      this.#last.shift()
      this.#dropped++
    }
  }
}

export function startedOn(placement: JobStatus['placement']): string {
  return `Started on ${placement?.map(({ device }) => device).join(' and ') || 'this machine'}`
}

const StoredLog = z.object({ lines: z.array(LogLine), dropped: z.number() })

function parse(bytes: Uint8Array): z.infer<typeof StoredLog> | null {
  try {
    return StoredLog.parse(JSON.parse(new TextDecoder().decode(bytes)))
  } catch {
    // A log explains; that it cannot be read must not keep a job from being shown or run again.
    return null
  }
}

/** What the row itself tells, for a job that left no log. */
export function linesFromRow(definition: JobDefinition, status: JobStatus): LogLine[] {
  const line = (at: number, level: LogLine['level'], attempt: number, text: string): LogLine => ({
    at: toIso(at),
    level,
    attempt,
    text,
  })
  const lines = [line(definition.createdAt, 'info', 0, 'Submitted')]
  const { attempt, startedAt, finishedAt, loadMs } = status
  if (startedAt !== null) {
    lines.push(line(startedAt, 'info', attempt, startedOn(status.placement)))
    if (loadMs > 0) {
      const { kind, model, modelVersion } = definition
      const label = model === null ? kind : `${model}@${modelVersion}`
      lines.push(line(startedAt, 'info', attempt, `Loading ${label}`))
      lines.push(line(startedAt + loadMs, 'info', attempt, `Loaded in ${formatDuration(loadMs)}`))
    }
  }
  if (finishedAt !== null) {
    if (status.error) lines.push(line(finishedAt, 'error', attempt, status.error.message))
    else if (status.state === 'cancelled') lines.push(line(finishedAt, 'info', attempt, 'Cancelled'))
    else lines.push(line(finishedAt, 'info', attempt, `Succeeded in ${formatDuration(status.computeMs)}`))
  }
  return lines
}
