import type { Holder, Named, WaitCause, WaitCauseOf } from '../contract'
import { clockTime, type UsedUp } from '../domain/budget'
import { shortId } from '../domain/ids'
import { entriesOf, type ResourceVector } from '../domain/resources'
import { formatBytes, formatDuration } from '../domain/units'
import { type Say, sayFrom } from './say'
import { WAIT_TEXTS, type WaitTexts } from './wait-texts'

type SayWait = Say<WaitTexts>
export const sayEnglish: SayWait = sayFrom(WAIT_TEXTS)

/** Why a job waits, as a sentence in the language of `say`; null where there is no cause. */
export function waitWords(causes: readonly WaitCause[], say: SayWait, nowMs: number): string | null {
  const sentences = causes.map((cause) => wordsOf(cause, say, nowMs))
  return sentences.length === 0
    ? null
    : sentences.reduce((first, second) => say('sentences', { first, second }))
}

function wordsOf(cause: WaitCause, say: SayWait, nowMs: number): string {
  switch (cause.kind) {
    case 'held':
    case 'turn':
      return say(cause.kind)
    case 'dependencies': {
      const { jobs, more } = cause
      // Two and more are joined by commas no further: `a and b and 3 more`.
      const list = listWords(jobs, say)
      return say('dependencies', { jobs: more > 0 ? say('andMore', { list, count: more }) : list })
    }
    case 'retry':
      return say('retry', { time: formatDuration(cause.inMs) })
    case 'behind':
      return cause.jobs === 0 ? say('next') : say('behind', { count: cause.jobs })
    case 'behind_job':
      return say('behindJob', { job: namedWords(cause.job) })
    case 'resources': {
      const amounts = vectorWords(cause.wanted, say)
      return say('resources', { amounts, ...contestWords(cause, say) })
    }
    case 'unfit': {
      const devices = listWords(cause.devices, say)
      return say('unfit', { amounts: vectorWords(cause.wanted, say), devices, count: cause.devices.length })
    }
    case 'room': {
      const { memoryBytes } = cause
      const amounts = vectorWords({ memoryBytes }, say)
      return say('room', { amounts, ...contestWords(cause, say) })
    }
    case 'reserved': {
      const { wanted, request } = cause
      const amounts = vectorWords(wanted, say)
      return request.name === null
        ? say('reservedForAnother', { amounts })
        : say('reserved', { amounts, request: request.name })
    }
    case 'quota':
      return say('quota', { amounts: vectorWords(cause.exceeded, say) })
    case 'budget': {
      const freeAt = cause.resetsAt === null ? null : Date.parse(cause.resetsAt)
      return say('budget', { usedUp: usedUpWords({ ...cause, freeAt }, say, nowMs) })
    }
    case 'engine':
      return engineWords(cause, say)
    case 'engines':
      return enginesWords(cause, say)
    case 'runtime':
      return say('runtime', { name: cause.name })
    case 'faster':
      return say('faster', { device: cause.device, time: formatDuration(cause.freeInMs) })
    case 'preempts':
      return say('preempts', { jobs: listWords(cause.jobs.map(namedWords), say) })
    case 'preempted':
      return say('preempted', {
        by: namedWords(cause.by),
        resumption: resumptionWords(cause.resumption, say),
      })
  }
}

/** As a person knows a job, `nightly-embed (j-7f3kq)`; of one that the reader may not see, what tells it from others. */
export function namedWords({ id, name }: Named): string {
  return name === null ? shortId(id) : `${name} (${shortId(id)})`
}

/** `3600 of 3600 CPU seconds of the last hour used; more from 14:20`. */
export function usedUpWords(usedUp: UsedUp, say: SayWait, nowMs: number): string {
  const { resource, used, limit, windowMs, freeAt } = usedUp
  return say('usedUp', {
    // Never more than the limit at a glance, where rounding would say so.
    used: Math.floor(used),
    limit: Math.floor(limit),
    what: say(resource),
    window: windowMs === 3_600_000 ? say('hour') : formatDuration(windowMs),
    more: freeAt === null ? say('moreWhenRaised') : say('moreFrom', { time: clockTime(freeAt, nowMs) }),
  })
}

/** `: 2 held by nightly-embed (j-7f3kq) for about 3 min` and `; 2 jobs ahead`. */
function contestWords(
  { holders, moreHolders, jobsAhead }: Pick<WaitCauseOf<'room'>, 'holders' | 'moreHolders' | 'jobsAhead'>,
  say: SayWait,
): { holders: string; ahead: string } {
  const isOfOne = new Set(holders.map(({ resource }) => resource)).size < 2
  const named = holders.map((holder) => holderWords(holder, isOfOne, say)).join(say('comma'))
  const list = moreHolders > 0 ? say('moreHolders', { list: named, count: moreHolders }) : named
  return {
    holders: holders.length === 0 ? '' : say('holders', { list }),
    ahead: jobsAhead === 0 ? '' : say('ahead', { count: jobsAhead }),
  }
}

function engineWords({ model, job, endsInMs }: WaitCauseOf<'engine'>, say: SayWait): string {
  if (job === null) return say('engine', { model })
  const values = { model, job: namedWords(job) }
  return endsInMs === null
    ? say('engineBy', values)
    : say('engineFor', { ...values, time: formatDuration(endsInMs) })
}

function enginesWords({ most, job, endsInMs }: WaitCauseOf<'engines'>, say: SayWait): string {
  if (job === null) return say('engines', { count: most })
  const values = { count: most, job: namedWords(job) }
  return endsInMs === null
    ? say('enginesBy', values)
    : say('enginesFor', { ...values, time: formatDuration(endsInMs) })
}

/** @param isOfOne all hold the same resource, which has been named */
function holderWords(holder: Holder, isOfOne: boolean, say: SayWait): string {
  const { kind, resource, amount, endsInMs } = holder
  const name = whoHolds(holder, say)
  const bare = resource.endsWith('Bytes') ? formatBytes(amount) : short(amount)
  const values = { name, amount: isOfOne ? bare : amountWords(resource, amount, say) }
  if (kind === 'outside') return say('holderOutside', values)
  if (endsInMs === null) return say('holder', values)
  if (endsInMs === 0) return say('holderEnds', values)
  return say('holderFor', { ...values, time: formatDuration(endsInMs) })
}

function whoHolds(holder: Holder, say: SayWait): string {
  const { kind, id, name } = holder
  switch (kind) {
    case 'job':
      return namedWords(holder)
    case 'lease':
      return name ?? shortId(id)
    case 'outside':
      return name ?? say('someProgram', { id })
  }
}

function resumptionWords(resumption: WaitCauseOf<'preempted'>['resumption'], say: SayWait): string {
  switch (resumption.from) {
    case 'item':
      return say('fromItem', { item: resumption.item, items: resumption.items })
    case 'time': {
      const { ranMs, durationMs } = resumption
      return say('fromTime', { ran: formatDuration(ranMs), duration: formatDuration(durationMs) })
    }
    case 'where_it_was':
      return say('fromWhereItWas')
    case 'beginning':
      return say('fromBeginning')
  }
}

/** `2 CPU cores and 4 GB of memory`. */
export function vectorWords(vector: ResourceVector, say: SayWait): string {
  return listWords(
    entriesOf(vector).map(([name, value]) => amountWords(name, value, say)),
    say,
  )
}

function amountWords(name: string, value: number, say: SayWait): string {
  const count = short(value)
  switch (name) {
    case 'memoryBytes':
      return say('memory', { bytes: formatBytes(value) })
    case 'gpuMemoryBytes':
      return say('gpuMemory', { bytes: formatBytes(value) })
    case 'cpuCores':
    case 'gpu':
    case 'npu':
    case 'fpga':
      return say(name, { count })
    default:
      return say('custom', { count, name: name.replace(/^custom\./, '') })
  }
}

function listWords(parts: readonly string[], say: SayWait): string {
  const last = parts.at(-1) ?? ''
  return parts.length < 2 ? last : say('and', { first: parts.slice(0, -1).join(say('comma')), last })
}

function short(amount: number): number {
  return Number(amount.toFixed(3))
}
