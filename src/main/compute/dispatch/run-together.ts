import { AppError } from '../../../shared/errors'
import type { Allotment, RunOutcome, SingleRun } from '../../executors/local'
import type { AbortReason, ActiveJob } from '../jobs/active-job'
import { RESULT } from '../jobs/artifact-names'
import { startedOn } from '../jobs/job-log'
import {
  Aborted,
  type AttemptDeps,
  type AttemptEnd,
  abortWords,
  allInputs,
  encodeResult,
  isRefusal,
  keepLog,
  outcomeOf,
} from './attempt'
import { type Company, patienceMs, type Together } from './company'
import type { EnginePool, PooledEngine } from './engine-pool'
import { workingDevice } from './leased-device'

/** A member that was told to stop may hold up the others so long; then all go on without it, each by itself. */
const HOLD_UP_MS = 1_000

/** Nobody knows whose input it is about, and it may tell of that. */
const NOT_KEPT = 'The worker said something. It is not kept, for jobs of others ran in the same go.'

export interface TogetherDeps extends AttemptDeps {
  company: Company
}

/** One job of the run, and what becomes of it. */
interface Member {
  job: ActiveJob
  attempt: number
  end: AttemptEnd
  /** It was told to. */
  stopped: Aborted | null
}

type Several = Extract<RunOutcome, { kind: 'several' }>

/**
 * Runs attempts of several like jobs in one go on a loaded engine. Each has its own answer, failure and cancel. What ends
 * the worker, or lasts longer than one of them may, is nobody's failure, since nobody knows whose it is: all run again, each
 * by itself. Never rejects.
 */
export async function runTogether(
  deps: TogetherDeps,
  attempts: readonly { job: ActiveJob; attempt: number }[],
  engine: PooledEngine,
  stack: Together['stack'],
): Promise<AttemptEnd[]> {
  const { clock, pool } = deps
  const all = new AbortController()
  const separate = () => all.abort(new Aborted('apart'))
  const longestMs = Math.min(...attempts.map(({ job }) => patienceMs(job.definition, clock.now())))
  const cancels = [clock.setTimer(longestMs, separate)]
  const members: Member[] = []
  const leave = (reason: AbortReason) => {
    if (reason === 'preempted' || members.every(({ stopped }) => stopped)) separate()
    else cancels.push(clock.setTimer(HOLD_UP_MS, separate))
  }
  for (const { job, attempt } of attempts) members.push(memberOf(deps, job, attempt, leave))
  const isMixed = new Set(attempts.map(({ job }) => job.definition.principal)).size > 1
  let hasWords = false
  const began = clock.now()
  try {
    const requests = await requestsOf(deps, members)
    const outcome =
      requests.size === 0 || engine.id === null
        ? null
        : await deps.executor.run(
            engine.id,
            { kind: 'several', requests: [...requests.values()], stack },
            {
              signal: all.signal,
              onProgress: () => undefined,
              onItems: async () => undefined,
              onLog(level, text) {
                if (isMixed && hasWords) return
                hasWords = true
                for (const { job, attempt } of members)
                  job.log?.add(clock.now(), level, attempt, isMixed ? NOT_KEPT : text)
              },
            },
            allotmentOfAll(pool, members, engine),
          )
    if (requests.size > 0 && !outcome) throw new Aborted('engine_gone')
    if (outcome?.kind === 'several') await keepResults(deps, [...requests.keys()], outcome, engine.key, stack)
  } catch (error) {
    noteOutgrown(deps, error, engine, members.length)
    const isGone = isRefusal(error) || (error instanceof Aborted && error.reason === 'engine_gone')
    for (const member of members) {
      if (member.end.outcome.kind === 'failed') continue
      member.end.computeMs = (clock.now() - began) / members.length
      fail(deps, member, new Aborted(isGone ? 'engine_gone' : 'apart'))
    }
  }
  for (const cancel of cancels) cancel()
  for (const { job, end } of members) {
    job.abort = null
    job.inputs = null
    if (end.outcome.kind === 'aborted' && end.outcome.reason === 'apart') job.runsAlone = true
  }
  const isWell = members.every(({ end }) => end.outcome.kind === 'succeeded')
  pool.giveBack(engine, !isWell)
  if (engine.isBound) await pool.evict(engine)
  for (const { end, attempt } of members)
    if (attempt > 1 || end.outcome.kind !== 'succeeded' || hasWords) await keepLog(deps, end)
  return members.map(({ end }) => end)
}

function memberOf(
  { clock }: AttemptDeps,
  job: ActiveJob,
  attempt: number,
  leave: (reason: AbortReason) => void,
): Member {
  const member: Member = {
    job,
    attempt,
    end: { job, outcome: { kind: 'succeeded' }, artifacts: [], loadMs: 0, computeMs: 0, benchmark: null },
    stopped: null,
  }
  job.abort = (reason: AbortReason) => {
    member.stopped ??= new Aborted(reason)
    leave(reason)
  }
  job.log?.add(clock.now(), 'info', attempt, startedOn(job.status.placement))
  return member
}

/** They hold together what the first has leased, however many they are. */
function allotmentOfAll(
  pool: EnginePool,
  members: readonly Member[],
  engine: PooledEngine,
): Allotment | undefined {
  const priority = Math.max(...members.map(({ job }) => job.status.priority))
  return members[0] && pool.allotmentOf(members[0].job, engine, priority)
}

/** Together they may take more than any of them alone: that must not end the worker again and again. */
function noteOutgrown(
  { company, logger }: TogetherDeps,
  error: unknown,
  { key }: PooledEngine,
  count: number,
): void {
  if (!(error instanceof AppError) || error.code !== 'compute.exceeded_lease') return
  company.outgrew(key, count)
  logger.info({ engine: key, count }, 'Jobs that ran in one go outgrew their lease; fewer do from now on')
}

/** What each member wants of the engine; one whose inputs cannot be had fails by itself. */
async function requestsOf(deps: AttemptDeps, members: readonly Member[]): Promise<Map<Member, SingleRun>> {
  const requests = new Map<Member, SingleRun>()
  for (const member of members) {
    const { parameters } = member.job.definition
    try {
      requests.set(
        member,
        parameters.kind === 'synthetic'
          ? parameters
          : { kind: 'infer', inputs: await allInputs(deps.storage, member.job) },
      )
    } catch (error) {
      fail(deps, member, error)
    }
  }
  return requests
}

async function keepResults(
  deps: TogetherDeps,
  members: readonly Member[],
  { results, computeMs, stacked }: Several,
  key: string,
  stack: Together['stack'],
): Promise<void> {
  const { storage, estimates, company } = deps
  const each = computeMs / members.length
  if (members[0]?.job.definition.kind === 'infer') {
    company.learn(key, members.length, computeMs, stack === 'yes')
    if (stacked) company.checked(key, members.length, stacked)
  }
  for (const [i, member] of members.entries()) {
    const { job, end } = member
    const result = results[i]
    end.computeMs = each
    try {
      if (member.stopped) throw member.stopped
      if (!result) throw new Aborted('apart')
      if ('error' in result) throw result.error
      if (job.definition.kind === 'infer') {
        const bytes = encodeResult({ kind: 'infer', computeMs: each, outputs: result.outputs }, null)
        if (bytes) end.artifacts.push({ name: RESULT, staged: await storage.artifacts.stage(bytes) })
      }
      estimates.observeRun(job.definition, each, workingDevice(job.status.placement))
    } catch (error) {
      fail(deps, member, error)
    }
  }
}

function fail({ clock, logger }: AttemptDeps, member: Member, error: unknown): void {
  const { job, attempt, end, stopped } = member
  end.outcome = outcomeOf(stopped ?? error, job)
  end.artifacts = []
  const { outcome } = end
  if (outcome.kind === 'aborted') job.log?.add(clock.now(), 'warn', attempt, abortWords(outcome.reason, job))
  if (outcome.kind !== 'failed') return
  job.log?.add(clock.now(), 'error', attempt, outcome.error.message)
  if (outcome.error.code === 'internal')
    logger.error({ err: error, job: job.id }, 'An attempt failed unexpectedly')
}
