import type { PipelineId } from '../../shared/domain/ids'
import { isTerminal } from '../../shared/domain/job-state'
import type { Core, FreeDevice } from '../core'
import type { Clock } from '../platform/clock'
import { workingDevice } from './dispatch/leased-device'
import type { ActiveJob } from './jobs/active-job'
import type { JobIndex } from './jobs/job-index'
import { type CourseDevice, type CourseJob, planCourse } from './schedule/static/course'
import { kindOf } from './speeds'

/** The search for a better course takes no longer, in a turn of the event loop that has other things to do. */
const BUDGET_MS = 4
const MAX_STEPS = 4_000
/** A pipeline that has a course is planned anew no oftener. */
const INTERVAL_MS = 250
/** Planned in one turn: those that have no more jobs than this together, or one that has. */
const MOST_JOBS_A_TURN = 200
const MOST_LANES = 16

export interface CoursesDeps {
  core: Core
  clock: Clock
  index: () => JobIndex
  /** Expected on a device; null when nothing like it has run anywhere. */
  runMsOn(job: ActiveJob, device: string): number | null
  outputBytesOf(job: ActiveJob): number
  unknownRunMs: number
}

interface Course {
  members: Set<ActiveJob>
  plannedAt: number
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

  constructor(deps: CoursesDeps) {
    this.#deps = deps
  }

  /** A job came, moved, or ended. */
  changed(job: ActiveJob): void {
    const id = job.definition.pipeline?.id
    if (!id) return
    if (isTerminal(job.status.state)) {
      this.forget(job)
      return
    }
    const course = this.#courses.get(id) ?? { members: new Set(), plannedAt: Number.NEGATIVE_INFINITY }
    this.#courses.set(id, course)
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
    let planned = 0
    for (const id of this.#stale) {
      const course = this.#courses.get(id)
      if (course && now - course.plannedAt < INTERVAL_MS) continue
      const size = course?.members.size ?? 0
      if (planned > 0 && planned + size > MOST_JOBS_A_TURN) return
      this.#stale.delete(id)
      if (!course) continue
      planned += size
      course.plannedAt = now
      this.#plan([...course.members], now)
    }
  }

  #plan(members: readonly ActiveJob[], now: number): void {
    if (members.length < 2) return
    const { core, clock, index, runMsOn, outputBytesOf, unknownRunMs } = this.#deps
    const devices = core.freeDevices().filter(({ healthy }) => healthy)
    const kinds = new Map(devices.map(({ id, kind }) => [id as string, kind]))
    const jobs = members.map((job): CourseJob => {
      const kind = kindOf(job)
      const { state, placement, startedAt } = job.status
      const device = state === 'running' ? workingDevice(placement) : null
      return {
        key: job.id,
        dependsOn: job.definition.dependsOn,
        runMsOn: (at) =>
          kinds.get(at) === kind ? (runMsOn(job, at) ?? unknownRunMs) : Number.POSITIVE_INFINITY,
        outputBytes: outputBytesOf(job),
        running: device === null ? null : { device, startedAt: startedAt ?? now },
      }
    })
    const options = { budgetMs: BUDGET_MS, now: () => clock.now(), maxSteps: MAX_STEPS }
    const steps = planCourse(jobs, lanesOf(devices, members), now, options)
    const gainOf = (job: ActiveJob, device: string) => {
      const others = devices.filter(({ id, kind }) => id !== device && kind === kinds.get(device))
      const there = runMsOn(job, device)
      const times = others.flatMap(({ id }) => runMsOn(job, id) ?? [])
      return there === null || times.length === 0 ? 0 : Math.min(...times) - there
    }
    const meanMs = jobs.reduce((sum, job) => sum + shortest(job, devices), 0) / jobs.length
    for (const job of members) {
      const step = steps.get(job.id)
      // The first of a course counts as half of what its jobs take on the mean, the last as one and a half.
      const costMs = meanMs * (0.5 + (step?.order ?? 0) / steps.size)
      job.step = step ? { ...step, costMs, gainMs: gainOf(job, step.device) } : null
      if (job.queued) index().refresh(job)
    }
  }
}

function shortest({ runMsOn }: CourseJob, devices: readonly FreeDevice[]): number {
  const times = devices.map(({ id }) => runMsOn(id)).filter(Number.isFinite)
  return times.length > 0 ? Math.min(...times) : 0
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
