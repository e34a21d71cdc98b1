import type { JobId } from '../../../shared/domain/ids'
import { runForward } from './forward'
import { quantileMs } from './guess'
import { Heads, type UrgencyOf } from './heads'
import type { StartPrediction } from './predictions'
import type { Durations, Scene } from './scene'
import type { Place } from './space'
import { createRandom } from './static/random'
import type { QueueClass } from './types'

/** What a job that waits is expected to do; times are Unix ms. */
export interface Forecast extends StartPrediction {
  /** Infinite when its length is unknown. */
  endsAt: number
  devices: string[]
}

/**
 * Replays with run times drawn anew. The next draw is equally likely to fall between any two of nine, so that four in
 * five lie between the least and the greatest.
 */
const TRIALS = 9
const SEED = 1
/** Turns would make a replay as long as their work: those that are farther ahead last longer, at least this part of the time to them. */
const SLICE_PART = 0.02
/** It is given up after so many instants. */
const MOST_STEPS = 2_000
/** Of the spread of single runs, the part that the learned mean may be off by: `a / (2 - a)` for weight `a` = 0.3. */
const MEAN_IS_OFF = 0.18
/** Middles of nine equally likely parts of the normal distribution: chance must not put all nine means on one side. */
const STRATA = [-1.59, -0.97, -0.59, -0.28, 0, 0.28, 0.59, 0.97, 1.59]
/** Engines take their strata in different order. */
const STRIDE = 4
/** How many mean deviations `mostMs` lies above the mean, and the deviation of a normal in mean deviations. */
const DEVIATIONS = 2.5
const PER_MEAN_DEVIATION = 1.25

/**
 * When each job of the scene starts, by the scheduler itself on a virtual clock: once with the expected run times, and
 * nine times with others for the bounds. Absent are jobs behind something whose length nobody can even guess, and those
 * that start only after very many others have taken turns.
 */
export function forecastOf(scene: Scene, place: Place): Map<JobId, Forecast> {
  const { starts: expected } = runForward(scene, expectedRuns(scene), place, {
    mostSteps: MOST_STEPS,
    slicePart: SLICE_PART,
  })
  const bounds = new Map<JobId, number[]>(expected.map(({ job }) => [job, []]))
  const drawn = { mostSteps: MOST_STEPS, slicePart: SLICE_PART, untilStarted: true }
  for (let trial = 0; trial < TRIALS; trial++)
    for (const { job, at } of runForward(scene, drawnRuns(trial, scene), place, drawn).starts)
      bounds.get(job)?.push(at)
  return new Map(
    expected.map(({ job, at, endsAt, placement }) => {
      const others = bounds.get(job) ?? []
      const devices = placement.map(({ device }) => device)
      return [
        job,
        { at, earliest: Math.min(at, ...others), latest: Math.max(at, ...others), endsAt, devices },
      ]
    }),
  )
}

/** The classes with no more than the first `limit` jobs in the order of the queue. */
export function firstOf(classes: readonly QueueClass[], limit: number, urgencyOf: UrgencyOf): QueueClass[] {
  const heads = new Heads(classes, urgencyOf)
  const counts = new Map<QueueClass, number>()
  let left = limit
  for (let head = heads.pop(); head && left > 0; head = heads.pop(), left--) {
    counts.set(head.group, head.index + 1)
    heads.follow(head)
  }
  return [...counts].map(([group, count]) => ({
    ...group,
    jobs: group.jobs.slice(0, count),
    workMs: (group.workMs * count) / group.jobs.length,
  }))
}

interface Draw {
  /** By what a run is longer than expected. */
  factorOf(key: string, runMs: number, mostMs: number | null): number
  /** Of those that are guessed: the part, 0 to 1, that is shorter. */
  partOf(key: string): number
}

function expectedRuns(scene: Scene): Durations {
  return runsBy({ factorOf: () => 1, partOf: () => 0.5 }, scene)
}

/** Log-normal run times with the learned mean and spread; jobs that share an engine share what the mean is off by. */
function drawnRuns(trial: number, scene: Scene): Durations {
  const random = createRandom(SEED + trial)
  const strata = new Map<string, number>()
  const stratumOf = (key: string) => {
    const stratum = strata.get(key) ?? (trial + STRIDE * strata.size) % TRIALS
    strata.set(key, stratum)
    return stratum
  }
  const factorOf: Draw['factorOf'] = (key, runMs, mostMs) => {
    const shared = STRATA[stratumOf(key)] as number
    const own = normal(random)
    if (mostMs === null || runMs <= 0 || mostMs <= runMs) return 1
    const deviation = ((mostMs - runMs) / DEVIATIONS) * PER_MEAN_DEVIATION
    const variance = Math.log(1 + (deviation / runMs) ** 2)
    const spread = Math.sqrt(variance) * own + Math.sqrt(MEAN_IS_OFF * variance) * shared
    return Math.exp(spread - ((1 + MEAN_IS_OFF) * variance) / 2)
  }
  return runsBy({ factorOf, partOf: (key) => (stratumOf(key) + 0.5) / TRIALS }, scene)
}

function runsBy({ factorOf, partOf }: Draw, { state: { now }, guesses }: Scene): Durations {
  /** From its start to its end, of a job that has run for `passedMs`. */
  const guessed = (key: string, job: JobId, passedMs: number) => {
    const guess = guesses?.get(job)
    return guess ? quantileMs(guess, partOf(key), passedMs) : Number.POSITIVE_INFINITY
  }
  return {
    runOf({ engineKey }, { id, runMs, mostMs }) {
      return runMs === null ? guessed(engineKey, id, 0) : runMs * factorOf(engineKey, runMs, mostMs)
    },
    remainingOf({ group: { engineKey }, job: { id, mostMs }, startedAt, loadedAt, runMs }) {
      if (runMs === null) {
        const passedMs = Math.max(0, now - loadedAt)
        return Math.max(0, loadedAt - now) + guessed(engineKey, id, passedMs) - passedMs
      }
      const passed = now - startedAt
      const left = runMs * factorOf(engineKey, runMs, mostMs) - passed
      // Over time already: as the scheduler, it is thought to take a quarter more than it has taken.
      return left > 0 ? left : passed / 4
    },
  }
}

/** Box and Muller. */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}
