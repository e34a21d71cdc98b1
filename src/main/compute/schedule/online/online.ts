import { OVERRUN } from '../ends'
import { dominantShare, Holdings } from '../fair-share'
import { Cluster, type Share } from './cluster'
import { Pace } from './pace'
import { pass } from './pass'
import { Running } from './running'
import { Runtimes } from './runtimes'
import { costOf, isOverdue, urgencyOf } from './urgency'
import { type Requests, type Scheduler, totalsOf } from './workload'

/** Jobs looked at in one turn, the most urgent first. */
const WINDOW = 512
/** A longer queue is put in order anew after so many turns for each job in it. */
const RESORT = 1 / 64

/**
 * Standard deviations beyond what is expected: by when what runs is thought to have ended, and what starts before room that
 * is kept. More for the second, since one that ends late there delays the other.
 */
const DEVIATIONS = { running: 0.7, starting: 1.5 }

export interface OnlinePolicy {
  /** The least pace, in the unit of the clock; where jobs are shorter on the mean, that mean. */
  leastPace: number
  /** One level of priority makes a job count for so much less. */
  perPriority: number
  /** For so many paces after its arrival, and no longer than it is expected to run, room kept for a job holds nobody back. */
  graceInPaces: number
}

export const ONLINE_POLICY: OnlinePolicy = { leastPace: 60, perPriority: 1.5, graceInPaces: 0.5 }

/**
 * The online scheduler over flat arrays: sees only jobs that have arrived, their estimates, and the run times of those
 * that have ended. A job that waits {@link OVERDUE_PACES} goes before all that came later; from then on it waits for
 * what runs and for those that came before it, nothing else.
 */
export class OnlineScheduler implements Scheduler {
  readonly #jobs: Requests
  readonly #policy: OnlinePolicy
  readonly #cluster: Cluster
  /** What runs, by when it has ended at the latest and by when it is thought to have. */
  readonly #byEstimate = new Running<Share>()
  readonly #byForecast = new Running<Share>()
  readonly #runtimes = new Runtimes()
  readonly #pace: Pace
  readonly #holdings: Holdings
  readonly #totals: Float64Array
  readonly #queue: number[] = []
  readonly #urgency: Float64Array
  readonly #expected: Float64Array
  readonly #dominant: Float64Array
  readonly #priorityFactor: Float64Array
  readonly #startedAt: Float64Array
  readonly #thoughtToEnd: Float64Array
  readonly #shares: (Share | undefined)[]
  /** All before it have started. */
  #oldest = 0
  #arrived = 0
  /** Expected work, as time of the whole machine: of what waits, and of what runs if it all had started at time 0. */
  #queuedWork = 0
  /** Expected run times of all that has come. */
  #expectedRuns = 0
  #runningWork = 0
  #runningShare = 0
  #turnsSinceSort = 0

  constructor(jobs: Requests, policy = ONLINE_POLICY) {
    const count = jobs.submit.length
    this.#jobs = jobs
    this.#policy = policy
    this.#cluster = new Cluster(jobs)
    this.#pace = new Pace(policy.leastPace)
    this.#totals = totalsOf(jobs)
    this.#holdings = new Holdings(jobs.users.length, this.#totals)
    this.#urgency = new Float64Array(count)
    this.#expected = new Float64Array(count)
    this.#dominant = new Float64Array(count)
    this.#priorityFactor = new Float64Array(count)
    this.#startedAt = new Float64Array(count).fill(-1)
    this.#thoughtToEnd = new Float64Array(count)
    this.#shares = new Array(count)
  }

  /** See {@link Pace}. */
  get pace(): number {
    return this.#pace.value
  }

  arrive(job: number, now: number): void {
    const { kinds, need, replicas, estimate, priority } = this.#jobs
    const amounts = need.subarray(job * kinds, (job + 1) * kinds)
    this.#dominant[job] = dominantShare(amounts, this.#totals) * (replicas[job] as number)
    this.#expected[job] = this.#runtimes.expect(estimate[job] as number, this.#kindOf(job))
    this.#priorityFactor[job] = this.#policy.perPriority ** -(priority[job] as number)
    this.#queuedWork += (this.#expected[job] as number) * (this.#dominant[job] as number)
    this.#arrived = job + 1
    this.#expectedRuns += this.#expected[job] as number
    this.#pace.setLeast(Math.min(this.#policy.leastPace, this.#expectedRuns / this.#arrived))
    this.#urgency[job] = this.#urgencyAt(job, now, this.#pace.value)
    if (this.#queue.length < WINDOW) this.#queue.push(job)
    else this.#queue.splice(this.#placeFor(this.#urgency[job]), 0, job)
  }

  end(job: number, now: number): void {
    const share = this.#shares[job]
    if (!share) return
    const { estimate, replicas, need, kinds, user } = this.#jobs
    const startedAt = this.#startedAt[job] as number
    this.#cluster.give(share)
    this.#byEstimate.remove(startedAt + (estimate[job] as number), share)
    this.#byForecast.remove(this.#thoughtToEnd[job] as number, share)
    this.#shares[job] = undefined
    this.#holdings.add(user[job] as number, need, job * kinds, -(replicas[job] as number))
    this.#runtimes.observe(now - startedAt, estimate[job] as number, this.#kindOf(job))
    this.#runs(job, startedAt, -1)
  }

  decide(now: number, begin: (job: number, nodes: Int32Array) => void): void {
    const queue = this.#queue
    if (queue.length === 0) return
    while (this.#oldest < this.#arrived && (this.#startedAt[this.#oldest] as number) >= 0) this.#oldest++
    const { submit, estimate } = this.#jobs
    const pace = this.#pace.observe(now, this.#backlog(now), now - (submit[this.#oldest] as number))
    this.#correct(now)
    this.#order(now, pace)
    const window = Math.min(WINDOW, queue.length)
    let looked = 0
    let left = 0
    // Forecasts may be wrong again and again: what bounds the wait of one that is overdue are the estimates.
    const needsBounds = (job: number) => isOverdue(now - (submit[job] as number), pace)
    pass<number, number, Share, never>({
      now,
      next: () => (looked < window ? queue[looked++] : undefined),
      needOf: (job) => job,
      keepOf: (job) => job,
      room: this.#cluster,
      runningFor: (job) => (needsBounds(job) ? this.#byEstimate : this.#byForecast),
      endsBy: (job, keptFor) =>
        now + (needsBounds(keptFor) ? (estimate[job] as number) : this.#forecast(job, DEVIATIONS.starting)),
      start: (job, share) => {
        this.#start(job, share, now)
        begin(job, this.#cluster.nodesOf(share))
        return { kind: 'started', all: share }
      },
      blocked: (job, { kind }) => {
        queue[left++] = job
        if (kind !== 'room') return null
        const grace = Math.min(this.#policy.graceInPaces * pace, this.#expected[job] as number)
        return { from: (submit[job] as number) + grace, isComing: false }
      },
    })
    if (left < window) queue.splice(left, window - left)
  }

  #start(job: number, { nodes }: Share, now: number): void {
    const { estimate, replicas, need, kinds, user } = this.#jobs
    const share = { job, nodes }
    this.#cluster.take(share)
    this.#startedAt[job] = now
    this.#thoughtToEnd[job] = now + this.#forecast(job, DEVIATIONS.running)
    this.#shares[job] = share
    this.#byEstimate.add(now + (estimate[job] as number), share)
    this.#byForecast.add(this.#thoughtToEnd[job] as number, share)
    this.#holdings.add(user[job] as number, need, job * kinds, replicas[job] as number)
    this.#queuedWork -= (this.#expected[job] as number) * (this.#dominant[job] as number)
    this.#runs(job, now, 1)
  }

  /** How long it runs, with so many standard deviations of what was learned; never longer than its estimate. */
  #forecast(job: number, deviations: number): number {
    const longest = this.#jobs.estimate[job] as number
    return Math.min(longest, (this.#expected[job] as number) * this.#runtimes.excess(deviations))
  }

  /** What was thought to have ended by now takes longer than that. */
  #correct(now: number): void {
    const running = this.#byForecast
    while (running.size > 0 && running.endsAt(0) <= now) {
      const share = running.share(0)
      const startedAt = this.#startedAt[share.job] as number
      const latest = startedAt + (this.#jobs.estimate[share.job] as number)
      const end = Math.min(latest, startedAt + OVERRUN * (now - startedAt))
      // It ends at this very instant.
      if (end <= now) return
      running.remove(this.#thoughtToEnd[share.job] as number, share)
      this.#thoughtToEnd[share.job] = end
      running.add(end, share)
    }
  }

  #runs(job: number, startedAt: number, sign: 1 | -1): void {
    const share = sign * (this.#dominant[job] as number)
    this.#runningShare += share
    this.#runningWork += share * (startedAt + (this.#expected[job] as number))
  }

  /** Time the whole machine needs for all that is known, as far as run times are as expected. */
  #backlog(now: number): number {
    return this.#queuedWork + Math.max(0, this.#runningWork - now * this.#runningShare)
  }

  #urgencyAt(job: number, now: number, pace: number): number {
    const share = this.#holdings.shareOf(this.#jobs.user[job] as number)
    const cost = costOf(this.#expected[job] as number, this.#priorityFactor[job] as number, share)
    return urgencyOf(cost, now - (this.#jobs.submit[job] as number), pace)
  }

  /** A short queue is put in order each turn, a long one now and then: its order changes slowly. */
  #order(now: number, pace: number): void {
    const queue = this.#queue
    const urgency = this.#urgency
    const isLong = queue.length > WINDOW
    if (isLong && ++this.#turnsSinceSort < queue.length * RESORT) return
    this.#turnsSinceSort = 0
    for (const job of queue) urgency[job] = this.#urgencyAt(job, now, pace)
    if (isLong) {
      queue.sort((a, b) => (urgency[a] as number) - (urgency[b] as number) || a - b)
      return
    }
    for (let i = 1; i < queue.length; i++) {
      const job = queue[i] as number
      const value = urgency[job] as number
      let at = i
      for (; at > 0; at--) {
        const before = queue[at - 1] as number
        const other = urgency[before] as number
        if (other < value || (other === value && before < job)) break
        queue[at] = before
      }
      queue[at] = job
    }
  }

  #placeFor(urgency: number): number {
    let low = 0
    let high = this.#queue.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#urgency[this.#queue[middle] as number] as number) <= urgency) low = middle + 1
      else high = middle
    }
    return low
  }

  /** Jobs of one user that ask for the same are expected to err alike. */
  #kindOf(job: number): string {
    const { user, replicas, need, kinds } = this.#jobs
    return `${user[job]} ${replicas[job]} ${need.subarray(job * kinds, (job + 1) * kinds).join(' ')}`
  }
}
