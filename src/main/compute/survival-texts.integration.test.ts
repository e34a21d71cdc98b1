import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { JobSpec, type JobSpecInput } from '../../shared/contract'
import type { JobId } from '../../shared/domain/ids'
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
  ...{ kind: 'generate', model: 'story@1', prompt: 'The control room', maxTokens: 480, contextSize: 512 },
  ...{ temperature: 2, topP: 1, topK: 0, seed: 32, completions: 3, priority: 10 },
} satisfies JobSpecInput)

let survival: Survival
let undisturbed: Awaited<ReturnType<typeof textsOf>>

beforeAll(async () => {
  survival = await createSurvival()
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

/** Until some of the text is written. */
async function written({ compute }: Program, id: string, attempt: number): Promise<void> {
  await until(async () => {
    const now = await compute.get(id)
    const engines = await compute.engines()
    const isBusy = engines.some(({ runtime, state }) => runtime === 'llama' && state === 'busy')
    return now.state === 'running' && now.attempt === attempt && isBusy
  })
  await sleep(100)
}

/** Something urgent that needs the whole machine comes between, and what is written is kept. */
async function preempted(program: Program, id: string, durationMs: number): Promise<void> {
  await written(program, id, 1)
  const urgent: JobSpecInput = { kind: 'synthetic', durationMs, priority: 100, need: { cpuCores: 2 } }
  await program.compute.submit(JobSpec.parse(urgent), BY)
  await until(() => isKept(id))
}

describe('kill -9 of the whole program in the middle of a text', () => {
  it.each<[string, (program: Program, id: string) => Promise<void>, boolean]>([
    ['of which nothing is kept', (program, id) => written(program, id, 1), false],
    ['that waits, its beginning kept', (program, id) => preempted(program, id, 1_000), true],
    [
      'that goes on from what was kept',
      async (program, id) => {
        await preempted(program, id, 20)
        await written(program, id, 2)
      },
      true,
    ],
  ])('%s: it is the same to the letter', async (_, moment, kept) => {
    const program = survival.start()
    const { id } = await program.compute.submit(story, BY)
    await moment(program, id)
    const { state, attempt } = await program.compute.get(id)
    await program.kill()

    const system = await survival.open()
    expect(isKept(id)).toBe(kept)
    await ended(system, [id])
    const after = system.compute.get(id)
    expect(after).toMatchObject({ state: 'succeeded', attempt: attempt + 1 })
    console.log(state, after.earlierAttempts, after.timings)
    expect(await textsOf(system, id)).toEqual(undisturbed)
    await expect.poll(() => readdir(paused()).catch(() => [])).toEqual([])
    expect(await close(system)).toEqual([])
  })
})
