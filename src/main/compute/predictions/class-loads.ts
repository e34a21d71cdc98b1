import type { ClassLoad } from '../../../shared/contract'
import type { JobDefinition } from '../jobs/job-row'
import { meanWaitGIGc } from '../schedule/queueing'

const MINUTE_MS = 60_000
const MINUTES = 60
const MOST_CLASSES = 64
/** Fewer say nothing of how times spread. */
const LEAST = 10

/** Count, sum and sum of squares. */
class Moments {
  count = 0
  sum = 0
  squares = 0

  add(value: number): void {
    this.count++
    this.sum += value
    this.squares += value * value
  }

  take({ count, sum, squares }: Moments): void {
    this.count += count
    this.sum += sum
    this.squares += squares
  }

  get mean(): number {
    return this.sum / this.count
  }

  /** Squared coefficient of variation. */
  get scv(): number {
    const variance = Math.max(0, this.squares / this.count - this.mean ** 2)
    return this.mean === 0 ? 0 : variance / this.mean ** 2
  }
}

interface Minute {
  minute: number
  arrivals: number
  gaps: Moments
  services: Moments
  waits: Moments
}

interface Seen {
  definition: JobDefinition
  /** Of the machine, by one job. */
  share: number
  firstAt: number
  lastAt: number | null
  minutes: Minute[]
}

/** Arrivals, services and waits of the last hour by version and kind of job, counted as they happen. */
export class ClassLoads {
  readonly #classes = new Map<string, Seen>()
  readonly #shareOf: (definition: JobDefinition) => number
  readonly #maxServers: number

  constructor(shareOf: (definition: JobDefinition) => number, maxServers: number) {
    this.#shareOf = shareOf
    this.#maxServers = maxServers
  }

  arrived(definition: JobDefinition, at: number): void {
    const key = keyOf(definition)
    const seen = this.#classes.get(key) ?? {
      definition,
      share: 0,
      firstAt: at,
      lastAt: null,
      minutes: [],
    }
    // The one that came last is at the end, so that the oldest goes when there are too many.
    this.#classes.delete(key)
    this.#classes.set(key, seen)
    if (this.#classes.size > MOST_CLASSES) this.#classes.delete(this.#classes.keys().next().value as string)
    seen.share = this.#shareOf(definition)
    const minute = minuteOf(seen, at)
    minute.arrivals++
    if (seen.lastAt !== null) minute.gaps.add(Math.max(0, at - seen.lastAt))
    seen.lastAt = Math.max(at, seen.lastAt ?? at)
  }

  ended(definition: JobDefinition, waitMs: number, serviceMs: number, at: number): void {
    const seen = this.#classes.get(keyOf(definition))
    if (!seen) return
    const minute = minuteOf(seen, at)
    minute.waits.add(waitMs)
    minute.services.add(serviceMs)
  }

  view(now: number): ClassLoad[] {
    const totals = [...this.#classes.values()].map((seen) => totalOf(seen, now))
    const busy = totals.map(({ rate, services }) => (services.count > 0 ? rate * services.mean : 0))
    const taken = totals.map(({ seen }, index) => (busy[index] as number) * seen.share)
    const allTaken = taken.reduce((sum, share) => sum + share, 0)
    return totals
      .map(({ seen, arrivals, rate, gaps, services, waits }, index): ClassLoad => {
        const whole = seen.share > 0 ? Math.floor(1 / seen.share + 1e-9) : this.#maxServers
        const others = Math.min(1, allTaken - (taken[index] as number))
        const servers = Math.max(1, Math.min(this.#maxServers, Math.round(whole * (1 - others))))
        const isKnown = gaps.count >= LEAST && services.count >= LEAST
        const wait = isKnown
          ? meanWaitGIGc({
              servers,
              arrivals: rate,
              services: 1 / services.mean,
              arrivalScv: gaps.scv,
              serviceScv: services.scv,
            })
          : Number.POSITIVE_INFINITY
        const { model, modelVersion: version, kind } = seen.definition
        return {
          model,
          version,
          kind,
          arrivals,
          arrivalsPerSecond: gaps.count > 0 ? rate * 1000 : null,
          serviceMs: services.count > 0 ? services.mean : null,
          servers,
          utilization: gaps.count > 0 && services.count > 0 ? (busy[index] as number) / servers : null,
          observedWaitMs: waits.count > 0 ? waits.mean : null,
          predictedWaitMs: Number.isFinite(wait) ? wait : null,
        }
      })
      .filter(({ arrivals, serviceMs }) => arrivals > 0 || serviceMs !== null)
      .sort((a, b) => (b.utilization ?? 0) - (a.utilization ?? 0) || b.arrivals - a.arrivals)
  }
}

function keyOf({ model, modelVersion, kind }: JobDefinition): string {
  return `${model}@${modelVersion} ${kind}`
}

function minuteOf({ minutes }: Seen, at: number): Minute {
  const minute = Math.floor(at / MINUTE_MS)
  let entry = minutes.find((candidate) => candidate.minute === minute)
  if (!entry) {
    entry = { minute, arrivals: 0, gaps: new Moments(), services: new Moments(), waits: new Moments() }
    minutes.push(entry)
    if (minutes.length > MINUTES) minutes.shift()
  }
  return entry
}

function totalOf(seen: Seen, now: number) {
  const oldest = Math.floor(now / MINUTE_MS) - MINUTES
  const total = {
    seen,
    arrivals: 0,
    rate: 0,
    gaps: new Moments(),
    services: new Moments(),
    waits: new Moments(),
  }
  for (const { minute, arrivals, gaps, services, waits } of seen.minutes) {
    if (minute <= oldest) continue
    total.arrivals += arrivals
    total.gaps.take(gaps)
    total.services.take(services)
    total.waits.take(waits)
  }
  // From the first arrival on, to now: a class that has fallen silent comes less often.
  const since = Math.max(seen.firstAt, (oldest + 1) * MINUTE_MS)
  total.rate = now > since ? total.gaps.count / (now - since) : 0
  return total
}
