import { sql } from 'kysely'
import { expect } from 'vitest'
import type { Job, Lease } from '../../../../shared/contract'
import type { JobId, PipelineId, PrincipalId } from '../../../../shared/domain/ids'
import { isTerminal } from '../../../../shared/domain/job-state'
import type { ResourceVector } from '../../../../shared/domain/resources'
import { AppError } from '../../../../shared/errors'
import { settle } from '../../../core/testing/fake-clock'
import { ALICE, createHarness, type Opened } from '../harness'
import { BUDGET } from './account'
import { addModels, giverOf, isMarked, pipelineOf, specOf, takesOf } from './specs'
import { LONG_MS, type PipelineNode, type Step, type Submission } from './steps'
import { Witness } from './witness'

const BOB = 'p-bob' as PrincipalId
const GUEST = 'p-guest' as PrincipalId
const BUDGETED = 'p-budgeted' as PrincipalId

/** On the GPU, for long enough to be there when that is gone. */
const ON_GPU: Submission = {
  do: 'submit',
  kind: 'synthetic',
  budgeted: false,
  ms: LONG_MS,
  cores: 1,
  gpu: true,
  priority: 50,
  attempts: 1,
  fail: undefined,
  dependsOn: null,
  deadline: null,
  hold: false,
}

/**
 * Plays a history on the real dispatcher over real SQLite, with workers and a clock of plain data. At every moment no more is
 * granted than there is, and all or nothing, no budget is overdrawn, and workers do what a {@link Witness} lets pass; at the
 * end every job has ended once and nothing is held.
 * @param losesGpu it comes back only when all that can run without it has ended, and the others say that they wait for it
 * @returns how often what came about that a history is to bring about
 */
export async function play(steps: readonly Step[], losesGpu = false): Promise<Tally> {
  const harness = await createHarness({ cores: 2, memoryBytes: 5e6, gpus: 1, engineIdleMs: 200 })
  addModels(harness)
  const { clock, disk, host } = harness
  const [cpu, gpu] = host.devices
  if (!cpu || !gpu) throw new Error('The machine has no devices.')
  const witness = new Witness(clock.now)
  disk.block = (ms) => witness.setClock(() => clock.block(ms))
  const known: string[] = []
  const pipelines: PipelineId[] = []
  const tally: Tally = {
    budgetStops: 0,
    budgetRefusals: 0,
    texts: 0,
    followers: 0,
    preemptions: 0,
    waitedForGpu: 0,
  }
  const ends = new Map<string, number>()
  const final = new Map<string, Job['state']>()
  const errors: unknown[] = []

  let stopHearing = (): void => undefined
  /** Between its death and the next start. */
  let isDead = false
  async function open(): Promise<Opened> {
    const opened = await harness.open()
    opened.executor.memoryBytes = 2e6
    opened.executor.itemMs = 7
    opened.executor.loadMs = 30
    witness.watch(opened.executor, opened.compute.get)
    stopHearing = opened.compute.onDidChangeJobs(({ changed }) => {
      for (const job of changed) {
        if (!isTerminal(job.state)) {
          if (final.has(job.id)) errors.push(`${job.id} left ${final.get(job.id)} for ${job.state}`)
          continue
        }
        ends.set(job.id, (ends.get(job.id) ?? 0) + 1)
        final.set(job.id, job.state)
      }
    })
    return opened
  }

  /** @param setMs by so much the clock is set while nothing runs */
  async function reopen(setMs: number, isKilled: boolean): Promise<void> {
    witness.died(isKilled)
    // What is still on its way in one that is dead no process would tell.
    stopHearing()
    isDead = true
    await system.kill()
    witness.setClock(() => clock.jump(setMs))
    system = await open()
    isDead = false
  }

  /** What a dead system answers nobody hears. */
  async function heard<T>(answer: Promise<T>): Promise<T> {
    const asked = system
    const value = await answer
    return isDead || asked !== system ? new Promise<T>(() => undefined) : value
  }

  /** Calls go on while time does; what they refuse must be a refusal of the vocabulary. */
  function call(work: Promise<unknown>): void {
    const asked = system
    work.catch((error: unknown) => {
      if (isDead || asked !== system) return
      if (!(error instanceof AppError) || error.code === 'internal') errors.push(error)
      else if (error.code === 'core.budget_exceeded') tally.budgetRefusals++
    })
  }

  function check(): void {
    const leases = system.core.listLeases()
    for (const held of leases)
      expect(sumOf(held.placement.map(({ amounts }) => amounts))).toEqual(sumOf([held.need]))
    for (const { id, capacity } of [cpu, gpu].flatMap((device) => device ?? [])) {
      const granted = sumOf(partsOn(id, leases))
      const most = sumOf([capacity])
      for (const [name, amount] of granted)
        expect([id, name, amount <= (most.get(name) ?? 0)]).toEqual([id, name, true])
    }
    // Those that have ended and are not written down yet are still running to everybody else.
    const running = system.compute.list({ limit: 1000, state: 'running' }).items.length
    const busy = system.compute.engines().filter(({ state }) => state === 'busy').length
    expect(busy).toBeLessThanOrEqual(running + 2)
    witness.check(system.compute.get)
    expect(witness.errors).toEqual([])
  }

  function pages(most: number): void {
    const { database } = system
    database.all({ compile: () => sql.raw(`pragma max_page_count = ${most}`).compile(database.builder()) })
  }

  async function suffer({ do: what, at, ms }: Extract<Step, { at: number }>): Promise<void> {
    const { compute, executor, core } = system
    switch (what) {
      case 'crash': {
        const engines = executor.engines()
        const engine = engines[at % Math.max(1, engines.length)]
        if (engine) executor.crash(engine.id)
        return
      }
      case 'crashNext':
        executor.failures.push('crash')
        return
      case 'hangNext':
        executor.failures.push('hang')
        return
      case 'failLoad':
        executor.loadFailures.push(new AppError('compute.runtime_failed', 'The graph cannot be read.'))
        return
      case 'kill9':
        return reopen(ms, true)
      case 'stop': {
        const stopped = compute.stop(50)
        for (let i = 0; i < 12; i++) await clock.advance(Math.max(20, disk.slowMs))
        disk.slowMs = 0
        for (let i = 0; i < 6; i++) await clock.advance(1000)
        await stopped
        return reopen(0, false)
      }
      case 'jump':
        witness.setClock(() => clock.set(ms))
        return
      case 'slowDisk':
        disk.slowMs = disk.slowMs > 0 ? 0 : Math.min(50, Math.abs(ms))
        return
      case 'fullDisk':
        pages(1)
        await clock.advance(Math.min(500, Math.abs(ms)))
        pages(1_000_000)
        return
      case 'device':
        host.devices = host.devices.length === 1 ? [cpu as never, gpu as never] : [cpu as never]
        call(core.rescan())
    }
  }

  async function submit(step: Extract<Step, { do: 'submit' }>): Promise<void> {
    const { budgeted, cores, gpu } = step
    const pick = (n: number) => known[n % Math.max(1, known.length)]
    const mark = witness.expect({
      budgeted,
      cores: Math.max(0.1, cores),
      gpus: gpu ? 1 : 0,
      after: null,
      takes: false,
    })
    const calledAt = clock.now()
    const spec = specOf(step, mark, calledAt, pick)
    const { id } = await heard(system.submit(spec, budgeted ? BUDGETED : ALICE))
    known.push(id)
    if (isMarked(step)) witness.acknowledged(mark, id)
    if (budgeted) witness.account.addJobs(1, calledAt)
  }

  async function submitPipeline(step: Extract<Step, { do: 'pipeline' }>): Promise<void> {
    const { nodes, budgeted } = step
    const marks: number[] = []
    for (const [i, { runWhen }] of nodes.entries()) {
      const from = giverOf(nodes, i)
      const giver = from === null ? undefined : nodes[from]
      const isTold = giver && isMarked(giver)
      const after = isTold
        ? { mark: marks[from ?? 0] ?? 0, runWhen: runWhen === 'succeeded' ? runWhen : ('ended' as const) }
        : null
      marks.push(witness.expect({ budgeted, cores: 1, gpus: 0, after, takes: takesOf(nodes, i) }))
    }
    const calledAt = clock.now()
    const spec = pipelineOf(step, marks)
    const pipeline = await heard(system.compute.submitPipeline(spec, budgeted ? BUDGETED : ALICE))
    pipelines.push(pipeline.id as PipelineId)
    for (const { key, job } of pipeline.jobs) {
      const at = Number(key.slice(1))
      known.push(job.id)
      if (isMarked(nodes[at] as PipelineNode)) witness.acknowledged(marks[at] ?? 0, job.id)
    }
    if (budgeted) witness.account.addJobs(nodes.length, calledAt)
  }

  async function retry(id: JobId): Promise<void> {
    const copy = witness.repeats(id)
    learn((await heard(system.compute.retry(id, BOB))).id, copy)
  }

  async function retryPipeline(id: PipelineId): Promise<void> {
    const before = await heard(system.compute.getPipeline(id))
    const copies = new Map(before.jobs.map(({ key, job }) => [key, witness.repeats(job.id)]))
    const pipeline = await heard(system.compute.retryPipeline(id, BOB))
    for (const { key, job } of pipeline.jobs) learn(job.id, copies.get(key))
  }

  function learn(id: string, copy: ReturnType<Witness['repeats']> | undefined): void {
    known.push(id)
    copy?.acknowledged(id)
  }

  function count({ kind, state, error, pipeline, dependsOn, preemptions }: Job): void {
    // No fault of a history is a reason for these.
    expect(['internal', 'storage.corrupt']).not.toContain(error?.code)
    tally.preemptions += preemptions
    if (error?.code === 'core.budget_exceeded') tally.budgetStops++
    if (state !== 'succeeded') return
    if (kind === 'generate') tally.texts++
    if (pipeline && dependsOn.length > 0) tally.followers++
  }

  async function act(current: Step): Promise<void> {
    const { compute, core } = system
    const pick = (n: number) => known[n % Math.max(1, known.length)] as JobId | undefined
    switch (current.do) {
      case 'submit':
        call(submit(current))
        return
      case 'pipeline':
        call(submitPipeline(current))
        return
      case 'priority': {
        const id = pick(current.which)
        if (id) call(compute.setPriority(id, current.priority))
        return
      }
      case 'cancel':
      case 'hold':
      case 'resume': {
        const id = pick(current.which)
        if (id) call(compute[current.do](id))
        return
      }
      case 'retry': {
        const id = pick(current.which)
        if (id) call(retry(id))
        return
      }
      case 'cancelPipeline': {
        const id = pipelines[current.which % Math.max(1, pipelines.length)]
        if (id) call(compute.cancelPipeline(id))
        return
      }
      case 'retryPipeline': {
        const id = pipelines[current.which % Math.max(1, pipelines.length)]
        if (id) call(retryPipeline(id))
        return
      }
      case 'lease': {
        const options = { holder: GUEST, purpose: 'test', priority: 50, ttlMs: current.ttlMs, waitMs: 100 }
        call(core.request({ cpuCores: current.cores }, options))
        return
      }
      case 'advance':
        await clock.advance(current.ms)
        check()
        return
      default:
        await suffer(current)
        check()
    }
  }

  const isOpen = (id: string) => !final.has(id) && !isTerminal(system.compute.get(id).state)

  /** On the GPU, or after one that is. */
  function waitsForGpu(id: string): boolean {
    const { need, dependsOn } = system.compute.get(id)
    return (need.gpu ?? 0) > 0 || dependsOn.some((before) => isOpen(before) && waitsForGpu(before))
  }

  /** Lets time pass until all these have ended. */
  async function getOn(mustEnd: (id: string) => boolean): Promise<void> {
    let open = known
    // Batches on a GPU share a budget for one item a minute of all of them: what waits for it gets on, for an hour perhaps.
    for (let i = 0; i < 1_400 && (i < 20 || open.some(mustEnd)); i++) {
      open = known.filter(isOpen)
      for (const id of open)
        if (system.compute.get(id).state === 'held') call(system.compute.resume(id as JobId))
      await clock.advance(i < 200 ? 50 : 5000)
      witness.check(system.compute.get)
    }
    expect(errors).toEqual([])
    const late = known.filter((id) => isOpen(id) && mustEnd(id))
    expect(late.map((id) => system.compute.get(id))).toEqual([])
  }

  async function getOnWithoutGpu(): Promise<void> {
    call(submit(ON_GPU))
    await settle()
    host.devices = [cpu as never]
    await system.core.rescan()
    await getOn((id) => !waitsForGpu(id))
    for (const { need, dependsOn, principal, waitCauses } of known.filter(isOpen).map(system.compute.get)) {
      const says = waitCauses.some(
        (cause) =>
          (cause.kind === 'unfit' && cause.wanted.gpu === 1) ||
          (cause.kind === 'dependencies' && dependsOn.some(isOpen)) ||
          (cause.kind === 'budget' && principal === BUDGETED),
      )
      expect({ need, waitCauses, says }).toEqual({ need, waitCauses, says: true })
      if (waitCauses.some(({ kind }) => kind === 'unfit')) tally.waitedForGpu++
    }
  }

  let system = await open()
  try {
    system.core.setQuota({ principal: BUDGETED, limit: {}, budget: BUDGET })
    for (const current of steps) await act(current)
    // The faults are over; what was hit by them has to get on by itself.
    disk.slowMs = 0
    if (losesGpu) await getOnWithoutGpu()
    host.devices = [cpu, gpu]
    await system.core.rescan()
    await settle()
    await getOn(() => true)
    for (const [id, count] of ends) expect([id, count]).toEqual([id, 1])
    for (const [id, state] of final) expect(system.compute.get(id).state).toBe(state)
    witness.checkDone(system.compute.get)
    await witness.checkResults(system.compute)
    expect(witness.errors).toEqual([])
    for (const id of known) count(system.compute.get(id))
    const isLeft = () => system.core.listLeases().length + system.compute.engines().length > 0
    for (let i = 0; i < 20 && isLeft(); i++) await clock.advance(500)
    expect(system.compute.engines()).toEqual([])
    expect(system.core.listLeases()).toEqual([])
    for (const { id, free, capacity } of system.core.freeDevices()) expect([id, free]).toEqual([id, capacity])
    expect(system.compute.queue()).toMatchObject({
      depth: 0,
      byState: { queued: 0, held: 0, running: 0 },
      byPriority: [],
      waiting: [],
    })
    return tally
  } finally {
    await system.die()
    await harness.remove()
  }
}

export interface Tally {
  /** Jobs that were stopped as their budget was used up. */
  budgetStops: number
  budgetRefusals: number
  /** Texts that were written. */
  texts: number
  /** Jobs of pipelines that succeeded after others. */
  followers: number
  /** How often jobs made room for others. */
  preemptions: number
  /** Jobs that waited for the GPU while it was gone. */
  waitedForGpu: number
}

function partsOn(device: string, leases: readonly Lease[]): ResourceVector[] {
  return leases.flatMap(({ placement }) =>
    placement.filter((part) => part.device === device).map(({ amounts }) => amounts),
  )
}

/** In millionths, so that sums are exact. */
function sumOf(vectors: readonly ResourceVector[]): Map<string, number> {
  const sum = new Map<string, number>()
  for (const { custom, ...amounts } of vectors) {
    for (const [name, amount] of Object.entries({ ...amounts, ...custom }))
      sum.set(name, (sum.get(name) ?? 0) + Math.round(amount * 1e6))
  }
  return sum
}
