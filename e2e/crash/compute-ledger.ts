import { expect } from '@playwright/test'
import type { Answer, Serve } from '../support/serve'

type Body = Answer['body']

/** So many that ended last are looked at after each start; all of them now and then. */
const LATEST = 5

/** Pipelines, leases and quotas that were acknowledged, and what was asked when the system died. */
export class ComputeLedger {
  readonly #serve: Serve
  /** Ids by name; those that were seen to have ended, with how. */
  readonly pipelines = new Map<string, { id: string; end: string | null }>()
  readonly #leases = new Map<string, { expiresAt: string }>()
  readonly #released = new Set<string>()
  /** One that may have been released, or renewed. */
  pendingLease: string | null = null
  quota: number | null = null
  pendingQuota: number | null = null
  counted = { leases: 0, quotas: 0 }

  constructor(serve: Serve) {
    this.#serve = serve
  }

  leaseHeld({ id, expiresAt }: Body): void {
    if (!this.#leases.has(id)) this.counted.leases++
    this.#leases.set(id, { expiresAt })
  }

  leaseReleased(id: string): void {
    this.#leases.delete(id)
    this.#released.add(id)
  }

  /** What must hold at any moment after a start. @param owner whose quota it is @param all also what has ended long ago */
  async check(owner: string, all: boolean): Promise<void> {
    await this.#checkPipelines(all)
    await this.#checkLeases()
    const { cpuCores = null } = (await this.#serve.call('GET', `/quotas/${owner}`)).body.limit
    expect([this.quota, this.pendingQuota], 'the quota that was set last').toContain(cpuCores)
    this.quota = cpuCores
    this.pendingQuota = null
  }

  /** Every pipeline ends, every lease too. */
  async checkAtRest(owner: string): Promise<void> {
    for (const { id } of this.pipelines.values())
      await this.#serve.until(`/pipelines/${id}`, ({ state }) => state !== 'running', 180_000)
    await this.check(owner, true)
    const { items: left } = (await this.#serve.call('GET', '/leases?limit=1000')).body
    // Their time is shortened, for they end by themselves; one may just have ended.
    for (const { id } of left.filter((lease: Body) => !isOfEngine(lease)))
      await this.#serve.call('POST', `/leases/${id}/renew`, { ttlMs: 1000 })
    await this.#serve.until('/leases?limit=1000', ({ items }) => items.every(isOfEngine), 120_000)
    await this.#serve.call('DELETE', `/quotas/${owner}`)
  }

  async #checkPipelines(all: boolean): Promise<void> {
    const { items } = (await this.#serve.call('GET', '/pipelines?limit=1000')).body
    const names = items.map(({ name }: Body) => name)
    expect(new Set(names).size, 'a pipeline is there twice').toBe(names.length)
    const latest = new Set([...this.pipelines.keys()].slice(-LATEST))
    for (const [name, known] of this.pipelines) {
      if (!all && known.end !== null && !latest.has(name)) continue
      const { status, body } = await this.#serve.call('GET', `/pipelines/${known.id}`)
      expect(status, `the acknowledged pipeline ${name} is lost`).toBe(200)
      this.#checkOrder(name, body)
      if (body.state === 'running') continue
      expect(body.state).toMatch(/succeeded|failed/)
      const end = JSON.stringify(
        body.jobs.map(({ job }: Body) => [job.id, job.state, job.attempt, job.finishedAt]),
      )
      if (known.end !== null) expect(end, `the end of ${name} has changed`).toBe(known.end)
      known.end = end
    }
  }

  /** Whole, and no job before those that it waits for. */
  #checkOrder(name: string, { jobs }: Body): void {
    const byKey = new Map<string, Body>(jobs.map(({ key, job }: Body) => [key, job]))
    expect([...byKey.keys()].sort(), `${name} is not whole`).toEqual(['a', 'b', 'c'])
    for (const { key, dependsOn, job } of jobs) {
      if (job.error) expect(job.error.code, `${name}/${key}`).toMatch(/interrupted|dependency_failed/)
      if (job.startedAt === null) continue
      for (const before of dependsOn) {
        const { finishedAt } = byKey.get(before)
        expect(
          finishedAt !== null && finishedAt <= job.startedAt,
          `${name}/${key} ran before ${before}`,
        ).toBe(true)
      }
    }
  }

  async #checkLeases(): Promise<void> {
    const { items } = (await this.#serve.call('GET', '/leases?limit=1000')).body
    const held = new Map<string, Body>(items.map((lease: Body) => [lease.id, lease]))
    for (const [id, { expiresAt }] of this.#leases) {
      if (id === this.pendingLease) continue
      // It may have expired while it was looked for.
      if (Date.parse(expiresAt) < Date.now() + 2000) continue
      expect(held.get(id)?.expiresAt, `the acknowledged lease ${id} is lost`).toBe(expiresAt)
    }
    for (const [id, { expiresAt }] of this.#leases) {
      const isOver = id === this.pendingLease || Date.parse(expiresAt) < Date.now() + 2000
      if (isOver) this.#leases.delete(id)
    }
    this.pendingLease = null
    for (const id of held.keys()) expect(this.#released.has(id), `${id} was released and is back`).toBe(false)
    const { capacity, allocated } = (await this.#serve.call('GET', '/resources')).body
    for (const [name, amount] of Object.entries<number>(allocated))
      if (name !== 'custom') expect(amount, `more ${name} than there is`).toBeLessThanOrEqual(capacity[name])
  }
}

const isOfEngine = ({ purpose }: Body): boolean => purpose.startsWith('engine ')
