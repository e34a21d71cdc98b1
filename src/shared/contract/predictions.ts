import { z } from 'zod'
import { listOf } from '../domain/bounded'
import { ResourceVector } from '../domain/resources'
import { Id, Time } from './base'
import { DeviceDeclaration } from './core'
import { JobKind } from './job-spec'

/** When a job that waits is expected to start; four in five start between `earliest` and `latest`. */
export const StartEstimate = z.object({
  startsAt: Time,
  earliest: Time,
  latest: Time,
  /** Null when nothing like it has run. */
  endsAt: Time.nullable(),
  /** Where it is expected to run. */
  devices: z.array(Id),
})
export type StartEstimate = z.infer<typeof StartEstimate>

/** What jobs were told when they were queued, held against when they started. */
export const PredictionRecord = z.object({
  /** Of the last day. */
  count: z.number(),
  /** Means over them; null when there are none. `biasMs` is above 0 when jobs start later than they were told. */
  meanErrorMs: z.number().nullable(),
  biasMs: z.number().nullable(),
  /** Part that started within their bounds; 0.8 is what the bounds promise. */
  coverage: z.number().nullable(),
  /** Width of the bounds, and ten times what outcomes lie outside: less is better. */
  intervalScoreMs: z.number().nullable(),
  /** The last of them, oldest first, at most 100. */
  recent: z.array(
    z.object({
      job: Id,
      name: z.string(),
      principal: Id,
      madeAt: Time,
      startsAt: Time,
      earliest: Time,
      latest: Time,
      startedAt: Time,
    }),
  ),
})
export type PredictionRecord = z.infer<typeof PredictionRecord>

/** The jobs of a version and a kind in the last hour, as a queue; null where too little was seen. */
export const ClassLoad = z.object({
  model: z.string().nullable(),
  version: z.number().nullable(),
  kind: JobKind,
  /** Jobs that came. */
  arrivals: z.number(),
  arrivalsPerSecond: z.number().nullable(),
  /** Mean time that one keeps what it holds, loading included. */
  serviceMs: z.number().nullable(),
  /** Its jobs that can run at once beside what the other classes take. */
  servers: z.number(),
  /** Part of these servers that it keeps busy; 1 and more: the queue grows. */
  utilization: z.number().nullable(),
  observedWaitMs: z.number().nullable(),
  /** Mean wait of GI/G/c; null also where the queue grows without end. */
  predictedWaitMs: z.number().nullable(),
})
export type ClassLoad = z.infer<typeof ClassLoad>

const Change = z.object({
  addDevices: listOf(DeviceDeclaration.pick({ kind: true, name: true, capacity: true }).strict(), { max: 64 })
    .default([])
    .describe('Devices that would be there besides'),
  removeDevices: listOf(Id, { max: 64 }).default([]).describe('Devices that would not be there'),
})

/** `online`: the policy of this program; `easy`, `fcfs`: first come, first served, with and without backfilling. */
export const PolicyName = z.enum(['online', 'easy', 'fcfs'])
export type PolicyName = z.infer<typeof PolicyName>

export const WhatIfQuestion = Change.extend({
  source: z
    .enum(['lastDay', 'queue'])
    .default('lastDay')
    .describe('Which jobs: those that came in the last 24 hours, or those that wait and run now'),
  policy: PolicyName.default('online').describe(
    'The order they would run in there: that of this program, or first come, first served with (`easy`) or without (`fcfs`) backfilling',
  ),
}).strict()
export type WhatIfQuestion = z.infer<typeof WhatIfQuestion>

/** What the scheduler makes of the same jobs on one machine. */
export const Outcome = z.object({
  jobs: z.number(),
  /** Jobs that no device of that machine could ever hold; the figures are of the others. */
  impossible: z.number(),
  /** Jobs that a deadline or a budget ended, also before they started. */
  stopped: z.number(),
  meanWaitMs: z.number(),
  p95WaitMs: z.number(),
  longestWaitMs: z.number(),
  /** Mean of (wait + run) / run, runs below 10 s taken as 10 s. */
  boundedSlowdown: z.number(),
  /** From the first arrival to the last end. */
  makespanMs: z.number(),
  /** By resource, 0 to 1 of the capacity over the makespan. */
  utilization: z.record(z.string(), z.number()),
  /** Jain's index of the principals' mean slowdowns: 1 when all fare alike. */
  fairness: z.number(),
  capacity: ResourceVector,
})
export type Outcome = z.infer<typeof Outcome>

export const WhatIfAnswer = z.object({
  before: Outcome,
  after: Outcome,
  /** What these jobs ask for, as `utilization` names it. */
  resources: z.array(z.string()),
  /**
   * At least so many jobs of the source were left out, because a replay takes 5,000 at the most: the oldest of the day, the
   * last of the queue.
   */
  leftOut: z.number(),
  tookMs: z.number(),
})
export type WhatIfAnswer = z.infer<typeof WhatIfAnswer>
