import { openAsBlob } from 'node:fs'
import { basename } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from '@playwright/test'
import type { Answer, Serve } from '../support/serve'
import type { ComputeLedger } from './compute-ledger'
import { type Client, runPipeline, type Submitted, setQuota, takeLease } from './compute-workload'
import type { Ledger } from './ledger'
import type { LongJob } from './long-jobs'
import { type PreemptionLedger, preempt } from './preemption-workload'
import { oneOf, type Random } from './random'
import type { Source } from './sources'

/** What a round wants to be in the middle of when the system dies; everything else goes on beside it. */
export const FOCUSES = {
  storage: ['import', 'alias', 'gc', 'verify'],
  compute: ['jobs', 'pipelines', 'leases', 'preemption'],
} as const
export type Work = keyof typeof FOCUSES
export type Focus = (typeof FOCUSES)[Work][number]
const ALL: readonly Focus[] = [...FOCUSES.storage, ...FOCUSES.compute]

const MOST_VERSIONS = 12

/** Jobs can be submitted only when the runtimes were tried, which takes its time after each start. */
export const isCompute = (focus: Focus): boolean => (FOCUSES.compute as readonly Focus[]).includes(focus)

/** The system was killed under a call: what was asked may have happened or not. */
class Died extends Error {}

/** Beside jobs, models and data are worked on with pauses so many times as long. */
const BESIDE = 8

export interface WorkloadDeps {
  readonly serve: Serve
  readonly ledger: Ledger
  readonly computeLedger: ComputeLedger
  readonly preemptions: PreemptionLedger
  readonly owner: string
  readonly sources: readonly Source[]
  /** Null where no jobs are run. */
  readonly batch: LongJob | null
  readonly victims: readonly LongJob[]
  /** Of the machine. */
  readonly cores: number
  /** How long each took when nobody killed it, remembered over the rounds. */
  readonly typicalMs: Map<Focus, number>
}

/** Clients of one run of the system, all at once, until it dies. What it answers goes into the ledger. */
export class Workload {
  readonly #deps: WorkloadDeps
  readonly #ledger: Ledger
  readonly #random: Random
  readonly #inFlight = new Map<Focus, number>()
  #pace = 1
  #begun: (focus: Focus) => void = () => undefined
  #isDead = false

  constructor(deps: WorkloadDeps, random: Random) {
    this.#deps = deps
    this.#ledger = deps.ledger
    this.#random = random
  }

  /**
   * Works until a random moment within what the focus does, and calls `kill` then.
   * @returns what was in the middle of being done
   */
  async run(focus: Focus, kill: () => Promise<void>): Promise<Focus[]> {
    const begun = new Promise<void>((resolve) => {
      this.#begun = (began) => began === focus && resolve()
    })
    this.#pace = isCompute(focus) ? BESIDE : 1
    const actors = [
      this.#import(false),
      this.#import(true),
      this.#moveAlias(),
      this.#collect(),
      this.#verify(),
    ]
    if (isCompute(focus)) actors.push(this.#submitLoads())
    if (focus === 'preemption')
      actors.push(this.#untilDead(() => preempt(this.#client(), this.#deps.victims, this.#deps.cores)))
    else if (isCompute(focus)) {
      if (this.#deps.batch) actors.push(this.#submitBatches(this.#deps.batch))
      for (const step of [runPipeline, takeLease, setQuota])
        actors.push(this.#untilDead(() => step(this.#client())))
    }
    const failed = Promise.all(actors)
    await Promise.race([begun, sleep(30_000), failed])
    await Promise.race([sleep(this.#random() * (this.#deps.typicalMs.get(focus) ?? 300) * 1.2), failed])
    const midway = ALL.filter((kind) => (this.#inFlight.get(kind) ?? 0) > 0)
    this.#isDead = true
    await kill()
    await failed
    return midway
  }

  #client(): Client {
    return {
      random: this.#random,
      ledger: this.#deps.computeLedger,
      preemptions: this.#deps.preemptions,
      owner: this.#deps.owner,
      call: (method, path, body) => this.#call(method, path, body),
      timed: (focus, work) => this.#timed(focus, work),
      submit: (prefix, spec, judge) => this.#submit(this.#newKey(prefix), spec, judge),
      open: (prefix) => this.#open(prefix)[0],
      settle: (job) => this.#settle(job),
    }
  }

  async #import(asUpload: boolean): Promise<void> {
    await this.#untilDead(async () => {
      const source = oneOf(this.#deps.sources, this.#random)
      if (!source) return
      const name = `${source.kind === 'model' ? 'm' : 't'}${Math.floor(this.#random() * 3)}`
      await this.#timed('import', async (begun) => {
        const started = await this.#call(
          'POST',
          asUpload ? `/imports?name=${name}` : '/imports',
          asUpload ? await uploadOf(source) : { path: source.path, name },
        )
        expect(started.status).toBe(202)
        const acknowledged = { source, isResumable: !asUpload }
        this.#ledger.imports.set(started.body.id, acknowledged)
        begun()
        for (;;) {
          const { body } = await this.#call('GET', `/imports/${started.body.id}`)
          if (body.state !== 'running') return this.#ledger.importEnded(body, acknowledged)
          await sleep(10)
        }
      })
      await this.#removeOldest()
      if (this.#pace > 1) await this.#pause(100)
    })
  }

  async #removeOldest(): Promise<void> {
    const keys = [...this.#ledger.versions.keys()].filter(
      (key) => /^models\/m/.test(key) && !this.#ledger.removing.has(key),
    )
    const [oldest] = keys
    if (oldest === undefined || keys.length <= MOST_VERSIONS) return
    const [, name, version] = /^models\/(.+)@(\d+)$/.exec(oldest) ?? []
    this.#ledger.removing.add(oldest)
    const { status } = await this.#call('DELETE', `/models/${name}/versions/${version}`)
    if (status === 204) this.#ledger.versionRemoved(oldest)
    else {
      // The alias points to it: it goes to the end of the row.
      expect(status).toBe(409)
      this.#ledger.removing.delete(oldest)
      const digest = this.#ledger.versions.get(oldest) ?? ''
      this.#ledger.versions.delete(oldest)
      this.#ledger.versions.set(oldest, digest)
    }
  }

  async #moveAlias(): Promise<void> {
    let pointed: number | null = null
    await this.#untilDead(async () => {
      pointed ??= await this.#pointedTo()
      const versions = [...this.#ledger.versions.keys()].flatMap(
        (key) => /^models\/m0@(\d+)$/.exec(key)?.[1] ?? [],
      )
      const version = Number(oneOf(versions, this.#random) ?? 0)
      // Pointing it to where it points already is no move, and leaves nothing in its history.
      if (version === 0 || version === pointed) return void (await sleep(5))
      const reason = `move ${this.#ledger.moves.length + 1} at ${Date.now()}`
      this.#ledger.pendingMove = reason
      await this.#timed('alias', async (begun) => {
        begun()
        const { status } = await this.#call('PUT', '/models/m0/aliases/live', { version, reason })
        this.#ledger.pendingMove = null
        // Not there any more: removed a moment ago.
        if (status === 404) return
        expect(status).toBe(200)
        this.#ledger.moves.push(reason)
        pointed = version
      })
      if (this.#pace > 1) await this.#pause(50)
    })
  }

  async #pointedTo(): Promise<number> {
    const { body } = await this.#call('GET', '/models/m0')
    return body.aliases?.find(({ alias }: Answer['body']) => alias === 'live')?.version ?? 0
  }

  async #collect(): Promise<void> {
    await this.#untilDead(async () => {
      await this.#timed('gc', async (begun) => {
        begun()
        expect((await this.#call('POST', '/storage/gc', {})).body).toMatchObject({ state: 'completed' })
      })
      await this.#pause(100)
    })
  }

  async #verify(): Promise<void> {
    await this.#untilDead(async () => {
      await this.#timed('verify', async (begun) => {
        begun()
        const { body } = await this.#call('POST', '/storage/verify', {})
        expect(body).toMatchObject({ state: 'completed', damaged: [], missing: [] })
      })
      await this.#pause(200)
    })
  }

  async #submitLoads(): Promise<void> {
    const unanswered = [...this.#ledger.pendingJobs.values()]
    await this.#untilDead(async () => {
      const again = unanswered.pop()
      // Asked again with the same key, it is the same job if it was taken.
      if (again) return void (await this.#submit(...again))
      const durationMs = Math.floor(this.#random() * 200)
      await this.#submit(this.#newKey('load'), { kind: 'synthetic', durationMs }, () => undefined)
      await sleep(this.#random() * 200)
    })
  }

  async #submitBatches(batch: LongJob): Promise<void> {
    await this.#untilDead(async () => {
      const [open] = this.#open('batch')
      if (open) return this.#settle(open)
      await this.#timed('jobs', async (begun) => {
        const { id } = await this.#submit(this.#newKey('batch'), batch.spec, batch.judge)
        begun()
        while ((await this.#call('GET', `/jobs/${id}`)).body.finishedAt === null) await sleep(20)
      })
    })
  }

  /** Waits for its end and judges it. */
  async #settle({ key, id }: Submitted): Promise<void> {
    for (;;) {
      const { body } = await this.#call('GET', `/jobs/${id}`)
      if (body.finishedAt !== null)
        return this.#ledger.checkEnd(key, body).catch((error: unknown) => this.#unlessDead(error))
      await sleep(50)
    }
  }

  #newKey(prefix: string): string {
    return `${prefix}-${this.#ledger.jobs.size}-${Date.now()}`
  }

  #open(prefix: string): Submitted[] {
    return [...this.#ledger.jobs].flatMap(([key, { id, end }]) =>
      end === null && key.startsWith(`${prefix}-`) ? [{ key, id }] : [],
    )
  }

  async #submit(key: string, spec: object, judge: (result: Answer['body']) => void): Promise<Submitted> {
    this.#ledger.pendingJobs.set(key, [key, spec, judge])
    const submittedAt = Date.now()
    const body = { ...spec, idempotencyKey: key, labels: { key } }
    const { status, body: job } = await this.#call('POST', '/jobs', body)
    expect(status, JSON.stringify(job)).toBe(201)
    this.#ledger.pendingJobs.delete(key)
    this.#ledger.jobs.set(key, { id: job.id, submittedAt, end: null, judge })
    return { key, id: job.id }
  }

  async #pause(ms: number): Promise<void> {
    await sleep(this.#random() * ms * this.#pace)
  }

  async #timed(focus: Focus, work: (begun: () => void) => Promise<void>): Promise<void> {
    const count = this.#inFlight.get(focus) ?? 0
    this.#inFlight.set(focus, count + 1)
    const startedAt = performance.now()
    await work(() => this.#begun(focus))
    const tookMs = performance.now() - startedAt
    const before = this.#deps.typicalMs.get(focus)
    this.#deps.typicalMs.set(focus, before === undefined ? tookMs : before * 0.8 + tookMs * 0.2)
    this.#inFlight.set(focus, (this.#inFlight.get(focus) ?? 1) - 1)
  }

  async #call(method: string, path: string, body?: unknown): Promise<Answer> {
    try {
      return await this.#deps.serve.call(method, path, body)
    } catch (error) {
      return this.#unlessDead(error)
    }
  }

  #unlessDead(error: unknown): never {
    if (this.#isDead) throw new Died('killed', { cause: error })
    throw error
  }

  async #untilDead(step: () => Promise<void>): Promise<void> {
    try {
      while (!this.#isDead) await step()
    } catch (error) {
      if (!(error instanceof Died)) throw error
    }
  }
}

async function uploadOf({ path }: Source): Promise<FormData> {
  const form = new FormData()
  form.append('files', await openAsBlob(path), basename(path))
  return form
}
