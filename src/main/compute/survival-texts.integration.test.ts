import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { JobSpec } from '../../shared/contract'
import type { JobId } from '../../shared/domain/ids'
import { isTerminal } from '../../shared/domain/job-state'
import { KEPT_INDEX } from '../runtimes/protocol'
import { importAndSettle } from '../storage/testing/harness'
import {
  BY,
  close,
  createSurvival,
  ended,
  type Program,
  type Survival,
  type System,
  until,
} from './testing/survival'

const STORY = resolve(import.meta.dirname, '../../../fixtures/tiny-story.gguf')
const story = JobSpec.parse({
  // Of the usual priority: the worker of a patient job lets all else on the machine go first.
  ...{ kind: 'generate', model: 'story@1', prompt: 'The control room', maxTokens: 480, contextSize: 512 },
  ...{ temperature: 2, topP: 1, topK: 0, seed: 32, completions: 3 },
})

let survival: Survival
let undisturbed: Awaited<ReturnType<typeof textsOf>>

beforeAll(async () => {
  survival = await createSurvival('llama')
  const system = await survival.open()
  expect(await importAndSettle(system.storage, STORY, 'story')).toMatchObject({ state: 'completed' })
  const { id } = await system.compute.submit(story, BY)
  await ended(system, [id])
  undisturbed = await textsOf(system, id)
  await close(system)
}, 120_000)
afterAll(() => survival?.dispose())

async function textsOf({ compute }: System, id: string) {
  const { job: _job, timings: _timings, ...texts } = await compute.result(id as JobId, 0)
  return texts
}

const paused = () => join(survival.dataDir, 'paused')
const isKept = (id: string) => existsSync(join(paused(), id, KEPT_INDEX))

/** Until an attempt at the text has written some of it. */
async function writing({ compute }: Program, id: string): Promise<void> {
  await until(async () => {
    const { state } = await compute.get(id)
    if (isTerminal(state)) throw new Error(`The text is ${state} before anything could come between.`)
    const engines = await compute.engines()
    return (
      state === 'running' && engines.some(({ runtime, state }) => runtime === 'llama' && state === 'busy')
    )
  })
  await sleep(50)
}

describe('kill -9 of the whole program in the middle of a text', () => {
  it('of which nothing is kept: it is written anew, the same to the letter', async () => {
    const program = survival.start()
    const { id } = await program.compute.submit(story, BY)
    await writing(program, id)
    await program.kill()
    const system = await survival.open()
    await ended(system, [id])
    expect(system.compute.get(id)).toMatchObject({ state: 'succeeded', attempt: 2 })
    expect(await textsOf(system, id)).toEqual(undisturbed)
    expect(await close(system)).toEqual([])
  }, 300_000)

  it('that was preempted, while it waits and while it goes on: what was kept stays, and it is the same to the letter', async () => {
    const first = survival.start()
    const { id } = await first.compute.submit(story, BY)
    // Interrupted before its first letter it has nothing to keep.
    while (!isKept(id)) {
      await writing(first, id)
      const urgent = { kind: 'synthetic', durationMs: 1_000, priority: 100, need: { cpuCores: 2 } }
      const between = await first.compute.submit(JobSpec.parse(urgent), BY)
      await until(async () => (await first.compute.get(between.id)).state === 'running')
    }
    await first.kill()

    const second = survival.start()
    await writing(second, id)
    expect(isKept(id)).toBe(true)
    await second.kill()

    const system = await survival.open()
    expect(isKept(id)).toBe(true)
    await ended(system, [id])
    expect(await textsOf(system, id)).toEqual(undisturbed)
    await expect.poll(() => readdir(paused()).catch(() => [])).toEqual([])
    expect(await close(system)).toEqual([])
  }, 300_000)
})
