import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AppError } from '../../../shared/errors'
import { withTemplate } from '../../runtimes/testing/chat-template'
import { conformance } from '../../runtimes/testing/conformance'
import { engineId, hooks, pidOf, versionAt, versionOf } from '../../runtimes/testing/fixtures'
import type { LocalExecutor, RunOutcome, RunRequest, Sampling } from '.'
import { startExecutor } from './testing/start-executor'

/** All that the tiny model was trained on. */
const STORY =
  'The control room hums at night. One model wakes, reads the queue, and answers. Two models wait; three models sleep. When the light turns amber, the watcher saves a checkpoint. When the light turns red, the watcher stops the run and writes the reason in the log. At dawn the board is green again, and every answer has a name, a time and a source.'

let started: Awaited<ReturnType<typeof startExecutor>>
let executor: LocalExecutor
beforeAll(async () => {
  started = await startExecutor()
  executor = started.executor
}, 60_000)
afterAll(async () => {
  await started.end()
})

const { signal } = new AbortController()
const story = () => ({ ...versionOf('gguf', ['tiny-story.gguf']), contextTokens: 1024 })
const greedy: Sampling = {
  maxTokens: 80,
  temperature: 0,
  topP: 0.95,
  topK: 40,
  seed: 1,
  stop: [],
  contextSize: 512,
  completions: 1,
}

async function write(
  prompt: string,
  change: Partial<Sampling> = {},
  seen = hooks(),
): Promise<Extract<RunOutcome, { kind: 'generate' }>> {
  const engine = engineId(await executor.load(story(), { threads: 1, signal }))
  try {
    const sampling = { ...greedy, ...change }
    const outcome = await executor.run(engine, { kind: 'generate', prompt: { prompt }, sampling }, seen)
    if (outcome.kind !== 'generate') throw new Error('another kind')
    return outcome
  } finally {
    await executor.unload(engine)
  }
}

/** As the worker keeps one that goes on. */
interface KeptText {
  tokens: number[]
  state: { file: string; held: number }
}

const ask = (prompt: string, change: Partial<Sampling> = {}): RunRequest => ({
  kind: 'generate',
  prompt: { prompt },
  sampling: { ...greedy, ...change },
})
/** At this temperature it never comes to an end by itself. */
const endless = () => ask('The', { temperature: 5, topP: 1, topK: 0, maxTokens: 500 })

conformance('llama.cpp', () => executor, {
  version: story,
  request: () => ask('The control room', { maxTokens: 8 }),
  check(outcome) {
    if (outcome.kind !== 'generate') throw new Error('another kind')
    expect(outcome.completions[0]?.text).toMatch(/^ hums at/)
  },
  endless,
  misfits: () => [
    { what: 'a long prompt', request: ask('room '.repeat(600), { contextSize: 64 }), words: /context of 64/ },
    { what: 'tensors', request: { kind: 'infer', inputs: {} }, words: /cannot do "run"/ },
  ],
  load: () => ask('The', { temperature: 5, maxTokens: 200, completions: 2 }),
  growthBytes: 32 * 2 ** 20,
})

describe('a language model', () => {
  it('tells what runs it', () => {
    expect(executor.runtimes().find(({ id }) => id === 'llama')).toMatchObject({
      available: true,
      version: expect.stringMatching(/\d/),
      backend: 'cpu',
      formats: ['gguf'],
    })
  })

  it('goes on with the story it knows, piece by piece', async () => {
    const pieces: string[] = []
    const seen = { ...hooks(), onText: (_: number, text: string) => pieces.push(text) }
    const { completions, promptTokens } = await write('The control room', { maxTokens: 400 }, seen)
    expect(`The control room${completions[0]?.text}`.trimEnd()).toBe(STORY)
    expect(pieces.length).toBeGreaterThan(10)
    expect(pieces.join('')).toBe(completions[0]?.text)
    expect(completions[0]).toMatchObject({ finishReason: 'stop' })
    const short = await write('The control room', { maxTokens: 5 })
    expect(short.completions).toMatchObject([{ tokens: 5, finishReason: 'length' }])
    expect(promptTokens).toBeGreaterThan(0)
  })

  it('stops before a stop word', async () => {
    const { completions } = await write('The control room', { stop: [' at night'] })
    expect(completions).toMatchObject([{ text: ' hums', finishReason: 'stop_word' }])
  })

  it('writes the same for the same seed, several at once, each its own', async () => {
    const wild = { temperature: 3, topP: 1, topK: 0, maxTokens: 40, completions: 2 }
    const [first, again, other] = [
      await write('The', { ...wild, seed: 7 }),
      await write('The', { ...wild, seed: 7 }),
      await write('The', { ...wild, seed: 8 }),
    ]
    expect(again.completions).toEqual(first.completions)
    expect(first.completions[0]?.text).not.toBe(first.completions[1]?.text)
    expect(other.completions[0]?.text).toBe(first.completions[1]?.text)
  })

  it('goes on where it was paused, bit for bit; without what was kept it writes the same anew', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'paused-'))
    const sampling = { ...greedy, temperature: 2, topP: 1, topK: 0, seed: 32, maxTokens: 480 }
    const prompt = { prompt: 'The control room' }
    const index = join(folder, 'tokens.json')
    let engine = engineId(await executor.load(story(), { threads: 1, signal }))
    const run = (seen = hooks()) =>
      executor.run(engine, { kind: 'generate', prompt, sampling, keepIn: folder }, seen)
    const kept = async () => {
      const { texts } = JSON.parse(await readFile(index, 'utf8')) as { texts: KeptText[] }
      return texts[0] as KeptText
    }
    const keep = (text: KeptText) => writeFile(index, JSON.stringify({ texts: [text] }))
    /** Until the first text has grown by so many pieces. */
    const pauseAfter = async (pieces: number) => {
      const controller = new AbortController()
      let left = pieces
      const onText = () => {
        if (--left === 0) controller.abort(new Error('paused'))
      }
      await expect(run({ ...hooks(controller.signal), isPause: () => true, onText })).rejects.toThrow(
        'paused',
      )
      return kept()
    }
    try {
      const undisturbed = await run()
      const once = await pauseAfter(60)
      const before = await readFile(join(folder, once.state.file))
      let twice = await pauseAfter(200)
      expect(twice.tokens.slice(0, once.tokens.length)).toEqual(once.tokens)
      expect(twice.tokens.length).toBeGreaterThan(once.tokens.length)
      // Paused again while what was kept is taken up or given: it is not forgotten.
      let pauses = 0
      for (const ms of [0, 1, 2, 3, 4, 6, 8, 12]) {
        const controller = new AbortController()
        // On a quick machine it may have ended by then.
        const over = run({ ...hooks(controller.signal), isPause: () => true }).catch((error: Error) => {
          expect(error.message).toBe('now')
          pauses++
        })
        setTimeout(() => controller.abort(new Error('now')), ms)
        await over
        expect((await kept()).tokens.slice(0, twice.tokens.length)).toEqual(twice.tokens)
      }
      expect(pauses).toBeGreaterThan(0)
      expect(await run()).toMatchObject({ ...undisturbed, computeMs: expect.any(Number) })
      twice = await kept()
      expect(await run()).toMatchObject({ ...undisturbed, computeMs: expect.any(Number) })
      const after = await readFile(join(folder, twice.state.file))
      // It believes what was kept, so it has not written it again.
      const last = twice.tokens.at(-1) ?? 0
      await keep({ ...twice, tokens: [...twice.tokens.slice(0, -1), (last + 7) % 200] })
      expect(await run()).not.toMatchObject({ ...undisturbed, computeMs: expect.any(Number) })
      // A state that is not that of the tokens is not believed.
      await keep(twice)
      await writeFile(join(folder, twice.state.file), before)
      expect(await run()).toMatchObject({ ...undisturbed, computeMs: expect.any(Number) })
      await keep({ ...once, state: twice.state })
      await writeFile(join(folder, twice.state.file), after)
      expect(await run()).toMatchObject({ ...undisturbed, computeMs: expect.any(Number) })
      await executor.unload(engine)
      engine = engineId(await executor.load(story(), { threads: 1, signal }))
      expect(await run()).toMatchObject({ ...undisturbed, computeMs: expect.any(Number) })
      await writeFile(join(folder, twice.state.file), 'nonsense')
      expect(await run()).toMatchObject({ ...undisturbed, computeMs: expect.any(Number) })
    } finally {
      await executor.unload(engine)
      await rm(folder, { recursive: true })
    }
  })

  it('several texts go on where they were, those that have ended among them, to the letter', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'paused-'))
    // Some end by themselves, some at a stop word, some where they have all their tokens.
    const sampling = {
      ...greedy,
      temperature: 2.5,
      topP: 1,
      topK: 0,
      maxTokens: 400,
      contextSize: 512,
      completions: 5,
    }
    const version = { ...story(), contextTokens: 5 * 512 }
    const engine = engineId(await executor.load(version, { threads: 1, signal }))
    const run = (seed: number, seen = hooks(), keepIn = folder) => {
      const prompt = { prompt: 'The control room' }
      const stop = [' light']
      return executor.run(
        engine,
        { kind: 'generate', prompt, sampling: { ...sampling, seed, stop }, keepIn },
        seen,
      )
    }
    const textsKept = async () => {
      // The run may have been over when the worker heard of it.
      const bytes = await readFile(join(folder, 'tokens.json'), 'utf8').catch(() => '{"texts":[]}')
      return (JSON.parse(bytes) as { texts: { tokens: number[]; state: unknown }[] }).texts
    }
    const reasons = new Set<string>()
    let kept = 0
    let over = 0
    try {
      for (const seed of [3, 11, 40]) {
        await rm(folder, { recursive: true, force: true })
        const undisturbed = await run(seed, hooks(), join(folder, 'none'))
        if (undisturbed.kind !== 'generate') throw new Error('another kind')
        for (const pieces of [1, 7, 60, 200, 300]) {
          const controller = new AbortController()
          let left = pieces
          const onText = () => {
            if (--left === 0) controller.abort(new Error('paused'))
          }
          const paused = run(seed, { ...hooks(controller.signal), isPause: () => true, onText })
          await paused.catch((error: Error) => expect(error.message).toBe('paused'))
          const texts = await textsKept()
          // Long before any run can be over.
          if (pieces === 7) expect(texts).toHaveLength(5)
          kept += texts.length > 0 ? 1 : 0
          over = Math.max(over, texts.filter(({ state }) => state === null).length)
        }
        for (const { finishReason } of undisturbed.completions) reasons.add(finishReason)
        expect(await run(seed)).toMatchObject({ ...undisturbed, computeMs: expect.any(Number) })
        // Where one of the states is lost all begin anew, and are the same.
        const [lost] = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.state'))
        if (lost) await rm(join(folder, lost))
        expect(await run(seed)).toMatchObject({ ...undisturbed, computeMs: expect.any(Number) })
      }
      expect(reasons.size).toBeGreaterThan(1)
      expect(kept).toBeGreaterThan(5)
      expect(over).toBeGreaterThan(0)
    } finally {
      await executor.unload(engine)
      await rm(folder, { recursive: true, force: true })
    }
  }, 60_000)

  it('says what does not fit: a prompt beyond the context, messages without a template', async () => {
    await expect(write('control room '.repeat(400), { contextSize: 64 })).rejects.toMatchObject({
      code: 'compute.invalid_input',
      message: expect.stringContaining('context of 64'),
    })
    const engine = engineId(await executor.load(story(), { threads: 1, signal }))
    const prompt = { messages: [{ role: 'user' as const, content: 'Hello' }] }
    const refused = executor.run(engine, { kind: 'generate', prompt, sampling: greedy }, hooks())
    await expect(refused).rejects.toMatchObject({
      code: 'compute.invalid_input',
      message: expect.stringContaining('chat template'),
    })
    const inference = executor.run(engine, { kind: 'infer', inputs: {} }, hooks())
    await expect(inference).rejects.toMatchObject({ code: 'compute.runtime_failed' })
    await executor.unload(engine)
  })

  it('takes the messages of a chat in the form that its template gives them', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'chat-'))
    try {
      const [file] = story().files
      await writeFile(join(folder, 'chat.gguf'), withTemplate(await readFile(file?.absolutePath ?? '')))
      const version = { ...versionAt(folder, 'gguf', ['chat.gguf']), contextTokens: 512 }
      const engine = engineId(await executor.load(version, { threads: 1, signal }))
      const prompt = { messages: [{ role: 'user' as const, content: 'The control room' }] }
      const outcome = await executor.run(engine, { kind: 'generate', prompt, sampling: greedy }, hooks())
      expect(outcome.kind === 'generate' && outcome.completions[0]?.text).toMatch(/^\s*hums at night/)
      await executor.unload(engine)
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('stops between two tokens when it is cancelled, and goes on with the next', async () => {
    const engine = engineId(await executor.load(story(), { threads: 1, signal }))
    const stop = new AbortController()
    let heard = 0
    const seen = {
      ...hooks(stop.signal),
      onText() {
        if (++heard === 3) stop.abort(new AppError('compute.conflict', 'enough'))
      },
    }
    await expect(executor.run(engine, endless(), seen)).rejects.toThrow('enough')
    expect(heard).toBeLessThan(250)
    const outcome = await executor.run(engine, ask('The control room'), hooks())
    expect(outcome.kind === 'generate' && outcome.completions[0]?.text).toContain('hums at night')
    await executor.unload(engine)
  })

  it('fails the attempt when its worker is killed in the middle of a word', async () => {
    const view = await executor.load(story(), { threads: 1, signal })
    const seen = { ...hooks(), onText: () => process.kill(pidOf(view), 'SIGKILL') }
    await expect(executor.run(engineId(view), endless(), seen)).rejects.toMatchObject({
      code: 'compute.worker_crashed',
    })
  })

  it('is expected to take more memory the more it is to hold in mind', () => {
    const metadata = { embeddingLength: 4096, headCount: 32, headCountKv: 8, blockCount: 32 }
    const sized = { ...story(), metadata, sizeBytes: 4e9 }
    const small = executor.estimateMemory({ ...sized, contextTokens: 1024 })
    const large = executor.estimateMemory({ ...sized, contextTokens: 9216 })
    // 32 layers x 8 heads x 128 x 2 bytes, for keys and for values, 8,192 times.
    expect(large - small).toBe(32 * 8 * 128 * 2 * 2 * 8192)
    expect(small).toBeGreaterThan(4e9)
  })
})
