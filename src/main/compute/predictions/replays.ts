import { Worker } from 'node:worker_threads'
import type { Outcome } from '../../../shared/contract'
import type { JobId } from '../../../shared/domain/ids'
import type { Clock } from '../../platform/clock'
import type { Disposable } from '../../platform/events'
import { Thread } from '../../platform/thread'
import { type Forecast, forecastOf } from '../schedule/forecast'
import { placeOrNull } from '../schedule/place-or-null'
import type { Scene } from '../schedule/scene'
import { type CourseDevice, type CourseJob, planCourse, type Step } from '../schedule/static/course'
import { outcomeOf } from './outcome'

/** A pipeline, and the devices for it. */
export interface CourseQuestion {
  jobs: readonly CourseJob[]
  devices: readonly CourseDevice[]
  nowMs: number
  /** Of the search. */
  budgetMs: number
  maxSteps: number
}

/** When jobs start, from the present on; what becomes of a workload whose run times are known; the course of a pipeline. */
export type ReplayRequest =
  | { kind: 'forecast'; scene: Scene }
  | { kind: 'outcome'; scene: Scene; runMs: ReadonlyMap<JobId, number> }
  | { kind: 'course'; question: CourseQuestion }

export interface Replayed<Answer> {
  answer: Answer
  /** Ms of the thread's time, without its start and what it did before. */
  tookMs: number
}

/** The scheduler on a virtual clock, and the planner of graphs, beside the one that decides. */
export interface Replays extends Disposable {
  forecast(scene: Scene): Promise<Replayed<Map<JobId, Forecast>>>
  /** @param signal ends it, rejecting with its reason */
  outcome(scene: Scene, runMs: ReadonlyMap<JobId, number>, signal?: AbortSignal): Promise<Outcome>
  course(question: CourseQuestion): Promise<Map<string, Step>>
}

/** In a thread, so that the longest replay holds up nobody. @param entry the built thread */
export function createReplays(entry: string, clock: Clock): Replays {
  const thread = new Thread<ReplayRequest, Replayed<unknown>>(() => new Worker(entry), clock)
  return {
    forecast: (scene) => thread.ask({ kind: 'forecast', scene }) as ReturnType<Replays['forecast']>,
    outcome: async (scene, runMs, signal) =>
      (await thread.ask({ kind: 'outcome', scene, runMs }, { signal })).answer as Outcome,
    course: async (question) => (await thread.ask({ kind: 'course', question })).answer as Map<string, Step>,
    dispose: () => thread.dispose(),
  }
}

export function replay(request: ReplayRequest): Map<JobId, Forecast> | Outcome | Map<string, Step> {
  switch (request.kind) {
    case 'forecast':
      return forecastOf(request.scene, placeOrNull)
    case 'outcome':
      return outcomeOf(request.scene, request.runMs, placeOrNull)
    case 'course': {
      const { jobs, devices, nowMs, ...options } = request.question
      return planCourse(jobs, devices, nowMs, { ...options, now: () => performance.now() })
    }
  }
}
