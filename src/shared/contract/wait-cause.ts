import { z } from 'zod'
import { ResourceVector } from '../domain/resources'
import { Id, Time } from './base'

/**
 * Whom a reason names. What it is called and whose it is tells what others do: both are null for a reader who may not read
 * the jobs of its principal. A program outside has no principal.
 */
export const Named = z.object({
  id: z.string(),
  name: z.string().nullable(),
  principal: Id.nullable(),
})
export type Named = z.infer<typeof Named>

/** Who holds some of what a job waits for: a job, a lease that is no job's, by its purpose, a program that is no part of the system, by its process. */
export const Holder = Named.extend({
  kind: z.enum(['job', 'lease', 'outside']),
  /** One of those that are short, and how much of it. */
  resource: z.string(),
  amount: z.number(),
  /** Expected, rounded; of a lease when it ends by itself, if nobody renews it. Null when unknown. */
  endsInMs: z.number().nullable(),
})
export type Holder = z.infer<typeof Holder>

/** The largest holders of each resource that is short, how many more there are, and how many jobs go before; 0 too where `behind` says how many. */
const Contest = {
  holders: z.array(Holder),
  moreHolders: z.number().int(),
  jobsAhead: z.number().int(),
}

/** Where a job goes on that had to make room. */
const Resumption = z.discriminatedUnion('from', [
  z.object({ from: z.literal('item'), item: z.number().int(), items: z.number().int() }),
  z.object({ from: z.literal('time'), ranMs: z.number(), durationMs: z.number() }),
  z.object({ from: z.literal('where_it_was') }),
  z.object({ from: z.literal('beginning') }),
])

/** One thing that keeps a job from running. */
export const WaitCause = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('held') }),
  /** The first two, and how many more. */
  z.object({ kind: z.literal('dependencies'), jobs: z.array(Id), more: z.number().int() }),
  z.object({ kind: z.literal('retry'), inMs: z.number() }),
  /** It stands in the queue; nobody has looked yet why it does not start. */
  z.object({ kind: z.literal('turn') }),
  /** More urgent or earlier. What the first of those that need the same waits for follows, if that is known. */
  z.object({ kind: z.literal('behind'), jobs: z.number().int() }),
  z.object({ kind: z.literal('behind_job'), job: Named }),
  z.object({ kind: z.literal('resources'), wanted: ResourceVector, ...Contest }),
  /** It would not fit if all else ended: devices, by name, are gone or not fit for work. */
  z.object({ kind: z.literal('unfit'), wanted: ResourceVector, devices: z.array(z.string()) }),
  /** Memory to load its model. */
  z.object({ kind: z.literal('room'), memoryBytes: z.number(), ...Contest }),
  /** It would fit, but room is kept for a request for a lease, named by its purpose. */
  z.object({
    kind: z.literal('reserved'),
    wanted: ResourceVector,
    request: Named.omit({ id: true }),
  }),
  z.object({ kind: z.literal('quota'), exceeded: ResourceVector }),
  z.object({
    kind: z.literal('budget'),
    resource: z.enum(['jobs', 'cpuSeconds', 'gpuSeconds']),
    used: z.number(),
    limit: z.number(),
    windowMs: z.number(),
    resetsAt: Time.nullable(),
  }),
  /** Of the jobs on it the one that is expected to end first; null when none is known. */
  z.object({
    kind: z.literal('engine'),
    model: z.string(),
    job: Named.nullable(),
    endsInMs: z.number().nullable(),
  }),
  /** As many models are loaded as may be at once, and all are at work; of their jobs the one that is expected to end first. */
  z.object({
    kind: z.literal('engines'),
    most: z.number().int(),
    job: Named.nullable(),
    endsInMs: z.number().nullable(),
  }),
  /** It is being found out whether its runtime works here. */
  z.object({ kind: z.literal('runtime'), name: z.string() }),
  /** It is done sooner on a device that is expected to be free soon than where there is room now. */
  z.object({ kind: z.literal('faster'), device: Id, freeInMs: z.number() }),
  /** Others make room for it. */
  z.object({ kind: z.literal('preempts'), jobs: z.array(Named) }),
  z.object({ kind: z.literal('preempted'), by: Named, resumption: Resumption }),
])
export type WaitCause = z.infer<typeof WaitCause>
export type WaitCauseOf<Kind extends WaitCause['kind']> = Extract<WaitCause, { kind: Kind }>
