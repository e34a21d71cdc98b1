import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from '@playwright/test'
import type { Answer } from '../support/serve'
import type { ComputeLedger } from './compute-ledger'
import type { PreemptionLedger } from './preemption-workload'
import type { Random } from './random'

const LEASE_MS = 20_000
/** So many are not yet seen to have ended, at the most. */
const OPEN_PIPELINES = 3

export interface Submitted {
  key: string
  id: string
}

/** What a client needs of the run that it lives in. */
export interface Client {
  readonly random: Random
  readonly ledger: ComputeLedger
  readonly preemptions: PreemptionLedger
  /** Whose quota is set. */
  readonly owner: string
  call(method: string, path: string, body?: unknown): Promise<Answer>
  timed(
    focus: 'pipelines' | 'leases' | 'preemption',
    work: (begun: () => void) => Promise<void>,
  ): Promise<void>
  /** Submits a job under a key of its own that begins with `prefix`. */
  submit(prefix: string, spec: object, judge: (result: Answer['body']) => void): Promise<Submitted>
  /** One with such a key that was not yet seen to have ended. */
  open(prefix: string): Submitted | undefined
  /** Waits for its end and judges it. */
  settle(job: Submitted): Promise<void>
}

/** Submits a pipeline in the form of a V and waits for its end. */
export async function runPipeline({ random, ledger, call, timed }: Client): Promise<void> {
  const open = [...ledger.pipelines.values()].filter(({ end }) => end === null)
  if (open.length >= OPEN_PIPELINES) return void (await sleep(50))
  const load = (key: string, dependsOn: string[]) => ({
    ...{ key, kind: 'synthetic', durationMs: Math.floor(random() * 80), dependsOn },
  })
  await timed('pipelines', async (begun) => {
    const name = `pipeline-${ledger.pipelines.size}-${Date.now()}`
    const jobs = [load('a', []), load('b', []), load('c', ['a', 'b'])]
    const { status, body } = await call('POST', '/pipelines', { name, jobs })
    expect(status).toBe(201)
    ledger.pipelines.set(name, { id: body.id, end: null })
    begun()
    for (;;) {
      if ((await call('GET', `/pipelines/${body.id}`)).body.state !== 'running') return
      await sleep(20)
    }
  })
}

/** Takes a part of a core, keeps it for longer or not, and mostly gives it back. */
export async function takeLease({ random, ledger, call, timed }: Client): Promise<void> {
  await timed('leases', async (begun) => {
    begun()
    const taken = await call('POST', '/leases', { need: { cpuCores: 0.05 }, ttlMs: LEASE_MS })
    // Jobs may have all of it.
    if (taken.status === 409) return void (await sleep(20))
    expect(taken.status).toBe(201)
    ledger.leaseHeld(taken.body)
    const { id } = taken.body
    ledger.pendingLease = id
    if (random() < 0.5)
      ledger.leaseHeld((await call('POST', `/leases/${id}/renew`, { ttlMs: LEASE_MS })).body)
    if (random() < 0.8) {
      expect((await call('DELETE', `/leases/${id}`)).status).toBe(204)
      ledger.leaseReleased(id)
    }
    ledger.pendingLease = null
  })
  await sleep(random() * 30)
}

/** Sets a quota that hinders nobody. */
export async function setQuota({ random, ledger, owner, call }: Client): Promise<void> {
  const cpuCores = 1000 + Math.floor(random() * 1000)
  ledger.pendingQuota = cpuCores
  expect((await call('PUT', `/quotas/${owner}`, { limit: { cpuCores } })).status).toBe(200)
  ledger.quota = cpuCores
  ledger.pendingQuota = null
  ledger.counted.quotas++
  await sleep(random() * 60)
}
