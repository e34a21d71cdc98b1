import type { JobId, PipelineId } from '../../shared/domain/ids'
import { isTerminal } from '../../shared/domain/job-state'
import type { Core, FreeDevice } from '../core'
import type { Clock } from '../platform/clock'
import type { Logger } from '../platform/logger'
import { workingDevice } from './dispatch/leased-device'
import type { ActiveJob } from './jobs/active-job'
import { likenessOf } from './jobs/estimates'
import type { JobIndex } from './jobs/job-index'
import type { CourseQuestion, Replays } from './predictions/replays'
import {
  type CourseDevice,
  type CourseJob,
  type Output,
  planCourse,
  type Step,
} from './schedule/static/course'
import { kindOf } from './speeds'

/** The search for better courses takes no longer, in a turn of the event loop that has other things to do. */
const BUDGET_MS = 4
/** So long it may take in a thread. */
const THREAD_BUDGET_MS = 50
const MAX_STEPS = 4_000
/** A pipeline that has a course is planned anew no oftener. */
const INTERVAL_MS = 250
/** Planned in one turn, together. A pipeline that has more jobs is planned in a thread: a plan alone would take too long. */
const MOST_JOBS_A_TURN = 200
const MOST_LANES = 16

export interface CoursesDeps {
  core: Core
  clock: Clock
  logger: Logger
  replays: Pick<Replays, 'course'>
  index: () => JobIndex
  /** Expected on a device; null when nothing like it has run anywhere. */
  runMsOn(job: ActiveJob, device: string): number | null
  outputBytesOf(job: ActiveJob): number
  unknownRunMs: number
  /** There is a course that no turn has followed yet. */
  onPlanned(): void
}

/** What a job takes on each device of its kind, ms; null where nothing like it has run anywhere. */
type Times = ReadonlyMap<string, number | null>

interface Planned {
  job: ActiveJob
  times: Times
  plain: CourseJob
}

interface Course {
  members: Set<ActiveJob>
  /** Of those that have ended since it was first planned. */
  outputs: Map<JobId, Output>
  plannedAt: number
  /** A thread is at it. */
  isAsked: boolean
}

/**
 * Pipelines in production: where and in which order their jobs run best, by the static planner. The online scheduler
 * follows it between the jobs of one pipeline; between pipelines and other jobs its own rules stand. Planned anew as jobs
 * end, with the run times that were seen and around what runs.
 */
export class Courses {
  readonly #deps: CoursesDeps
  readonly #courses = new Map<PipelineId, Course>()
  readonly #stale = new Set<PipelineId>()
  #disposed = false

  constructor(deps: CoursesDeps) {
    this.#deps = deps
  }

  /** A job came, moved, or ended. */
  changed(job: ActiveJob): void {
    const id = job.definition.pipeline?.id
    if (!id) return
    if (isTerminal(job.status.state)) {
      const device = job.status.state === 'succeeded' ? workingDevice(job.status.placement) : null
      if (device !== null)
        this.#courses.get(id)?.outputs.set(job.id, { device, bytes: this.#deps.outputBytesOf(job) })
      this.forget(job)
      return
    }
    const course = this.#courses.get(id) ?? {
      members: new Set(),
      outputs: new Map(),
      plannedAt: Number.NEGATIVE_INFINITY,
      isAsked: false,
    }
    this.#courses.set(id, course)
    // Its end may have been rolled back.
    course.outputs.delete(job.id)
    if (!course.members.has(job)) {
      course.members.add(job)
      this.#stale.add(id)
    }
  }

  forget(job: ActiveJob): void {
    const id = job.definition.pipeline?.id
    const course = id && this.#courses.get(id)
    if (!id || !course?.members.delete(job)) return
    if (course.members.size > 0) this.#stale.add(id)
    else {
      this.#courses.delete(id)
      this.#stale.delete(id)
    }
  }

  /** Before a turn is planned. */
  refresh(): void {
    if (this.#stale.size === 0) return
    const now = this.#deps.clock.now()
    const until = now + BUDGET_MS
    let planned = 0
    for (const id of this.#stale) {
      const course = this.#courses.get(id)
      if (course && (course.isAsked || now - course.plannedAt < INTERVAL_MS)) continue
      const size = course?.members.size ?? 0
      if (planned > 0 && planned + size > MOST_JOBS_A_TURN) return
      this.#stale.delete(id)
      if (!course) continue
      planned += size
      course.plannedAt = now
      this.#plan(course, now, until)
    }
  }

  dispose(): void {
    this.#disposed = true
  }

  /** @param until when the searches of this turn are to end */
  #plan(course: Course, now: number, until: number): void {
    const members = [...course.members]
    if (members.length < 2) return
    const { core, clock, runMsOn, outputBytesOf, unknownRunMs } = this.#deps
    const used = new Set(members.map(kindOf))
    const devices = core.freeDevices().filter(({ healthy, kind }) => healthy && used.has(kind))
    // Most are alike, and each of a thousand would ask for its version, and for each device.
    const known = new Map<string, Pick<Planned, 'times'> & Pick<CourseJob, 'runMs' | 'outputBytes'>>()
    const ofItsLike = (job: ActiveJob) => {
      const likeness = `${job.kinKey} ${likenessOf(job.definition)} ${job.carried}`
      const before = known.get(likeness)
      if (before) return before
      const own = devices.filter(({ kind }) => kind === kindOf(job))
      const times = new Map(own.map(({ id }) => [id as string, runMsOn(job, id)]))
      const runMs = new Map([...times].map(([id, ms]) => [id, ms ?? unknownRunMs]))
      const found = { times, runMs, outputBytes: outputBytesOf(job) }
      known.set(likeness, found)
      return found
    }
    const jobs = members.map((job): Planned => {
      const { state, placement, startedAt } = job.status
      const device = state === 'running' ? workingDevice(placement) : null
      const { times, runMs, outputBytes } = ofItsLike(job)
      return {
        job,
        times,
        plain: {
          key: job.id,
          dependsOn: job.definition.dependsOn,
          runMs,
          outputBytes,
          reads: job.definition.dependsOn.flatMap((id) => course.outputs.get(id) ?? []),
          running: device === null ? null : { device, startedAt: startedAt ?? now },
        },
      }
    })
    const plain = jobs.map((job) => job.plain)
    const lanes = lanesOf(devices, members)
    if (members.length > MOST_JOBS_A_TURN) {
      void this.#ask(course, jobs, { jobs: plain, devices: lanes, nowMs: now })
      return
    }
    const budgetMs = Math.max(0, until - clock.now())
    const options = { budgetMs, now: () => clock.now(), maxSteps: MAX_STEPS }
    this.#follow(jobs, planCourse(plain, lanes, now, options))
  }

  async #ask(
    course: Course,
    jobs: readonly Planned[],
    graph: Pick<CourseQuestion, 'jobs' | 'devices' | 'nowMs'>,
  ): Promise<void> {
    const { replays, logger, onPlanned } = this.#deps
    course.isAsked = true
    try {
      const steps = await replays.course({ ...graph, budgetMs: THREAD_BUDGET_MS, maxSteps: MAX_STEPS })
      if (this.#disposed) return
      // What has ended meanwhile needs no course.
      this.#follow(
        jobs.filter(({ job }) => course.members.has(job)),
        steps,
      )
      onPlanned()
    } catch (error) {
      if (!this.#disposed) logger.error({ err: error }, 'The course of a pipeline could not be planned')
    } finally {
      course.isAsked = false
    }
  }

  #follow(jobs: readonly Planned[], steps: ReadonlyMap<string, Step>): void {
    const index = this.#deps.index()
    const meanMs = jobs.reduce((sum, { plain }) => sum + shortest(plain), 0) / jobs.length
    for (const { job, times } of jobs) {
      const step = steps.get(job.id)
      // The first of a course counts as half of what its jobs take on the mean, the last as one and a half.
      const costMs = meanMs * (0.5 + (step?.order ?? 0) / steps.size)
      job.step = step ? { ...step, costMs, gainMs: gainOn(step.device, times) } : null
      if (job.queued) index.refresh(job)
    }
  }
}

function shortest({ runMs }: CourseJob): number {
  return runMs.size > 0 ? Math.min(...runMs.values()) : 0
}

/** By how much sooner a job is done on a device than on the best of the others; 0 where that is not known. */
function gainOn(device: string, times: Times): number {
  const there = times.get(device) ?? null
  const others = [...times].flatMap(([id, ms]) => (id === device || ms === null ? [] : [ms]))
  return there === null || others.length === 0 ? 0 : Math.min(...others) - there
}

/** How many of the jobs each device can run at once, were all as large as the largest. */
function lanesOf(devices: readonly FreeDevice[], members: readonly ActiveJob[]): CourseDevice[] {
  return devices.map(({ id, kind, capacity }) => {
    const name = kind === 'cpu' ? 'cpuCores' : kind
    const needs = members.filter((job) => kindOf(job) === kind).map(({ definition }) => definition.need)
    const largest = Math.max(1e-3, ...needs.map((need) => Math.min(need[name] ?? 0, capacity[name] ?? 0)))
    const lanes = Math.floor((capacity[name] ?? 1) / largest + 1e-9)
    return { id, lanes: Math.max(1, Math.min(MOST_LANES, lanes, members.length)) }
  })
}
