import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest'
import { engineId, hooks, versionOf } from '../../runtimes/testing/fixtures'
import type { LeasedDevice, LocalExecutor, RunOutcome, Sampling } from '.'
import { startExecutor } from './testing/start-executor'

const { signal } = new AbortController()
const COMPLETIONS = 3
const sampling: Sampling = {
  maxTokens: 300,
  temperature: 2,
  topP: 1,
  topK: 0,
  seed: 32,
  stop: [],
  contextSize: 512,
  completions: COMPLETIONS,
}
const prompt = { prompt: 'The control room' }

let started: Awaited<ReturnType<typeof startExecutor>>
let executor: LocalExecutor
beforeAll(async () => {
  started = await startExecutor()
  executor = started.executor
})
afterAll(async () => {
  await started.end()
})

const load = async (device: LeasedDevice | null) => {
  const version = { ...versionOf('gguf', ['tiny-story.gguf']), contextTokens: COMPLETIONS * 512 }
  return executor.load(version, { threads: 1, signal, device })
}

async function write(
  device: LeasedDevice | null,
  change: Partial<Sampling> = {},
  keepIn?: string,
  seen = hooks(),
): Promise<Extract<RunOutcome, { kind: 'generate' }>> {
  const engine = engineId(await load(device))
  try {
    const request = { kind: 'generate', prompt, sampling: { ...sampling, ...change } } as const
    const outcome = await executor.run(engine, keepIn === undefined ? request : { ...request, keepIn }, seen)
    if (outcome.kind !== 'generate') throw new Error('another kind')
    return outcome
  } finally {
    await executor.unload(engine)
  }
}

describe.each(['cuda', 'vulkan', 'metal'])('a language model on a GPU by %s', (name) => {
  /** What a job would lease here to be bound to this way; the test is skipped where it does not work. */
  async function gpu({ skip }: TestContext): Promise<LeasedDevice> {
    const backend = executor
      .runtimes()
      .find(({ id }) => id === 'llama')
      ?.backends.find((known) => known.name === name)
    if (!backend?.available) skip(backend?.reason ?? 'llama.cpp does not run here.')
    const gpu = { id: 'gpu-1', kind: 'gpu' as const, vendor: '', uuid: null, isOnly: true, more: [] }
    if (name === 'metal') return { ...gpu, vendor: 'Apple' }
    return name === 'cuda' ? { ...gpu, vendor: 'NVIDIA', uuid: await uuidOfNvidia() } : gpu
  }

  it('is bound to it, and writes there what it knows', async (context) => {
    const device = await gpu(context)
    const view = await load(device)
    expect(view).toMatchObject({ backend: name, device: device.id })
    await executor.unload(engineId(view))
    const greedy = { temperature: 0, completions: 1, maxTokens: 80 }
    const { completions } = await write(device, greedy)
    expect(completions).toEqual((await write(null, greedy)).completions)
    expect(completions[0]?.text).toMatch(/^ hums at night/)
  })

  it('writes the same for the same seed, and goes on to the letter where it was paused', async (context) => {
    const device = await gpu(context)
    const folder = await mkdtemp(join(tmpdir(), 'paused-'))
    try {
      const undisturbed = await write(device)
      expect((await write(device)).completions).toEqual(undisturbed.completions)
      let kept = 0
      for (const pieces of [5, 60, 150]) {
        const controller = new AbortController()
        let left = pieces
        const onText = () => {
          if (--left === 0) controller.abort(new Error('paused'))
        }
        const seen = { ...hooks(controller.signal), isPause: () => true, onText }
        await expect(write(device, {}, folder, seen)).rejects.toThrow('paused')
        const index = JSON.parse(await readFile(join(folder, 'tokens.json'), 'utf8')) as {
          texts: { tokens: number[] }[]
        }
        const tokens = index.texts.reduce((sum, text) => sum + text.tokens.length, 0)
        expect(tokens).toBeGreaterThan(kept)
        kept = tokens
      }
      expect((await write(device, {}, folder)).completions).toEqual(undisturbed.completions)
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})

async function uuidOfNvidia(): Promise<string> {
  const { stdout } = await promisify(execFile)('nvidia-smi', ['--query-gpu=uuid', '--format=csv,noheader'])
  return stdout.split('\n')[0]?.trim() ?? ''
}
