import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from '@playwright/test'
import type { Answer, Serve } from '../support/serve'
import type { Client } from './compute-workload'
import type { LongJob } from './long-jobs'
import { oneOf } from './random'

type Body = Answer['body']

/** What was seen of jobs that were preempted. */
export class PreemptionLedger {
  /** Where it was when it was last seen displaced, by key; until its end was seen. */
  readonly #seen = new Map<string, { id: string; preemptions: number; progress: number }>()
  /** Preemptions that were seen, and jobs that went on after the system was killed while they were displaced. */
  counted = { preemptions: 0, resumed: 0 }
  #displaced: string | null = null

  /** @param job as it waits for its place */
  displaced(key: string, { id, preemptions, progress }: Body): void {
    this.#seen.set(key, { id, preemptions, progress })
    this.counted.preemptions++
    this.#displaced = key
  }

  /** It runs again, or has ended. */
  wentOn(): void {
    this.#displaced = null
  }

  /** After a start: what was displaced still knows that it was, and goes on no earlier than where it was. */
  async check(serve: Serve): Promise<void> {
    for (const [key, { id, preemptions, progress }] of this.#seen) {
      const { body } = await serve.call('GET', `/jobs/${id}`)
      expect(body.preemptions, `${key} has forgotten that it was preempted`).toBeGreaterThanOrEqual(
        preemptions,
      )
      // One that was killed again and again has failed, and goes on nowhere.
      if (body.error?.code !== 'compute.interrupted')
        expect(body.progress, `${key} does not go on where it was`).toBeGreaterThanOrEqual(progress)
      if (body.finishedAt !== null) this.#seen.delete(key)
    }
    if (this.#displaced !== null) this.counted.resumed++
    this.#displaced = null
  }
}

/** Puts an urgent job in the place of a long one that runs, and sees the long one go on. */
export async function preempt(client: Client, victims: readonly LongJob[], cores: number): Promise<void> {
  const { random, preemptions, call, timed, submit, open, settle } = client
  // Neither fits beside the other, both do beside a few small leases.
  const need = { cpuCores: cores * 0.6 }
  let victim = open('victim')
  if (!victim) {
    const chosen = oneOf(victims, random)
    if (!chosen) return
    victim = await submit('victim', { ...chosen.spec, need, priority: 10 }, chosen.judge)
  }
  const { key, id } = victim
  const look = async (job: string): Promise<Body> => (await call('GET', `/jobs/${job}`)).body
  let before = await look(id)
  for (; before.state === 'queued'; before = await look(id)) await sleep(20)
  await sleep(random() * 300)
  await timed('preemption', async (begun) => {
    const durationMs = Math.floor(random() * 300)
    const urgent = await submit(
      'urgent',
      { kind: 'synthetic', durationMs, need, priority: 100 },
      () => undefined,
    )
    begun()
    for (let isSeen = false; ; await sleep(10)) {
      const now = await look(id)
      if (now.state === 'queued' && now.preemptions > before.preemptions) {
        if (!isSeen) preemptions.displaced(key, now)
        isSeen = true
      } else if (now.finishedAt !== null || (await look(urgent.id)).finishedAt !== null) {
        preemptions.wentOn()
        return
      }
    }
  })
  await settle(victim)
}
