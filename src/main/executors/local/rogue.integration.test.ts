import pino from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PackedItems } from '../../../shared/domain/packed-items'
import { systemClock } from '../../platform/clock'
import { MAX_LINE } from '../../platform/lines'
import { batchOf, engineId, hooks, pidOf, processGone } from '../../runtimes/testing/fixtures'
import { createLocalExecutor, type LoadableVersion, type LocalExecutor } from '.'
import { MAX_LINES } from './engine'
import { startExecutor } from './testing/start-executor'

const { signal } = new AbortController()
let started: Awaited<ReturnType<typeof startExecutor>>
let executor: LocalExecutor

beforeAll(async () => {
  started = await startExecutor({
    onnx: 'src/main/runtimes/testing/rogue-worker.ts',
    tfjs: 'src/main/runtimes/testing/broken-worker.ts',
    llama: 'src/main/runtimes/testing/huge-outputs.ts',
  })
  executor = started.executor
}, 60_000)
afterAll(async () => {
  await started.end()
})

const version = (trick: string): LoadableVersion => ({
  model: 'rogue',
  version: 1,
  digest: trick,
  format: 'onnx',
  sizeBytes: 1,
  files: [{ path: trick, sizeBytes: 1, absolutePath: '/nowhere' }],
})

describe('a worker that lies', () => {
  it.each([
    'garbage',
    'endless-body',
    'wrong-items',
    'million-items',
    'endless-header',
    'torn-tensors',
    'progress-without-end',
    'long-progress',
    'wrong-id',
    'closes-and-stays',
  ])('fails its attempt and is ended: %s', async (trick) => {
    const view = await executor.load(version(trick), { threads: 1, signal })
    const run = executor.run(engineId(view), { kind: 'infer', inputs: {} }, hooks())
    await expect(run).rejects.toMatchObject({ code: 'compute.worker_crashed' })
    await processGone(pidOf(view))
    expect(executor.engines()).toEqual([])
  })

  it.each(['empty-texts', 'texts-without-end'])('fails its text and is ended: %s', async (trick) => {
    const view = await executor.load(version(trick), { threads: 1, signal })
    const sampling = { maxTokens: 1000, temperature: 1, topP: 1, topK: 0, seed: 1, stop: [] }
    const run = executor.run(
      engineId(view),
      {
        kind: 'generate',
        prompt: { prompt: 'a' },
        sampling: { ...sampling, contextSize: 1000, completions: 1 },
      },
      hooks(),
    )
    await expect(run).rejects.toMatchObject({ code: 'compute.worker_crashed' })
    await processGone(pidOf(view))
  })

  it.each(['no', 'yes'] as const)(
    'ends a run of several as a whole, and fails none of them (%s)',
    async (stack) => {
      const view = await executor.load(version('garbage'), { threads: 1, signal })
      const requests = [1, 2, 3].map(() => ({ kind: 'infer' as const, inputs: {} }))
      const run = executor.run(engineId(view), { kind: 'several', requests, stack }, hooks())
      await expect(run).rejects.toMatchObject({ code: 'compute.worker_crashed' })
      await processGone(pidOf(view))
    },
  )

  it('that gives strings without end fails its attempt, which says how many it may be', async () => {
    const engine = engineId(await executor.load(version('endless-strings'), { threads: 1, signal }))
    const run = executor.run(engine, { kind: 'infer', inputs: {} }, hooks())
    await expect(run).rejects.toMatchObject({
      code: 'compute.invalid_input',
      message: expect.stringMatching(/20 MB of text.*2.16 MB/),
    })
    expect(executor.engines()).toMatchObject([{ state: 'idle' }])
    await executor.unload(engine)
  })

  it('that dies while it loads is told from one that hangs', async () => {
    const load = executor.load(version('dies-loading'), { threads: 1, signal })
    await expect(load).rejects.toMatchObject({ code: 'compute.worker_crashed', details: { exitCode: 3 } })
  })

  it('that never loads ends when nobody waits for it any more', async () => {
    const stop = new AbortController()
    const load = executor.load(version('never-loads'), { threads: 1, signal: stop.signal })
    const [pid] = executor.engines().map(pidOf)
    stop.abort(new Error('enough'))
    await expect(load).rejects.toThrow('enough')
    await processGone(pid as number)
  })

  it('that talks without end is heard for a thousand lines, each of a bounded length', async () => {
    const engine = engineId(await executor.load(version('talks-without-end'), { threads: 1, signal }))
    const seen = hooks()
    await expect(executor.run(engine, { kind: 'infer', inputs: {} }, seen)).rejects.toThrow('tired')
    expect(seen.log).toHaveLength(MAX_LINES + 1)
    expect(seen.log[5]).toMatch(/^warn line 5 x+$/)
    expect(Math.max(...seen.log.map((line) => line.length))).toBe('warn '.length + MAX_LINE)
    await executor.unload(engine)
  })

  it.runIf(process.platform !== 'win32')('that boasts of its memory is measured', async () => {
    const view = await executor.load(version('boasts'), { threads: 1, signal })
    expect(view.memoryBytes).toBeGreaterThan(2 ** 20)
    expect(view.memoryBytes).toBeLessThan(2 ** 30)
    expect(executor.estimateMemory(version('boasts'))).toBeLessThan(2 ** 30)
    await executor.unload(engineId(view))
  })

  it('that dies in one attempt is not explained by what it said in another', async () => {
    const engine = engineId(await executor.load(version('talks-and-dies-later'), { threads: 1, signal }))
    const seen = hooks()
    await executor.run(engine, { kind: 'infer', inputs: {} }, seen)
    expect(seen.log).toEqual(['warn a secret'])
    const error = await executor.run(engine, { kind: 'infer', inputs: {} }, hooks()).catch(String)
    expect(error).toContain('exit code 1')
    expect(error).not.toContain('secret')
  })

  it.runIf(process.platform !== 'win32')('that starts another process takes it along', async () => {
    for (const isAsked of [true, false]) {
      const view = await executor.load(version('leaves-a-child'), { threads: 1, signal })
      const seen = hooks()
      await executor.run(engineId(view), { kind: 'infer', inputs: {} }, seen)
      const child = Number(seen.log[0]?.replace('warn ', ''))
      process.kill(child, 0)
      if (isAsked) await executor.unload(engineId(view))
      else process.kill(pidOf(view), 'SIGKILL')
      await processGone(child)
    }
  })

  it('that does not even start is a runtime that is not there, and says why', async () => {
    expect(executor.runtimes().find((runtime) => runtime.id === 'tfjs')).toMatchObject({
      available: false,
      reason: expect.stringContaining('libmissing.so'),
    })
    expect(() => executor.runtimeFor('tfjs-graph')).toThrow('libmissing.so')
    const load = executor.load({ ...version('x'), format: 'tfjs-graph' }, { threads: 1, signal })
    await expect(load).rejects.toMatchObject({ code: 'compute.no_runtime' })
  })
})

it.runIf(process.platform !== 'win32')(
  'what a job takes of its own lease is not learned as its model’s',
  async () => {
    const engine = engineId(await executor.load(version('takes-512-mib'), { threads: 1, signal }))
    const before = executor.estimateMemory(version('takes-512-mib'))
    const allotment = {
      cpuCores: 1,
      numaNode: null,
      memoryBytes: 2 ** 30,
      engineMemoryBytes: before,
      gpuMemory: [],
      priority: 50,
    }
    const seen: number[] = []
    const stop = executor.onDidChangeEngines(({ changed }) =>
      seen.push(...changed.map(({ memoryBytes }) => memoryBytes)),
    )
    await executor.run(engine, { kind: 'infer', inputs: {} }, hooks(), allotment)
    stop()
    expect(Math.max(...seen)).toBeGreaterThan(2 ** 29)
    expect(executor.estimateMemory(version('takes-512-mib'))).toBe(before)
    await executor.unload(engine)
  },
)

describe('outputs that are larger than their inputs', () => {
  const huge = (): LoadableVersion => ({ ...version('huge'), format: 'gguf' })
  const item = (megabytes: number) => ({
    mb: { dtype: 'uint8' as const, shape: [megabytes], bytes: new Uint8Array(megabytes) },
  })

  it('come in groups that hold few of them', async () => {
    const engine = engineId(await executor.load(huge(), { threads: 1, signal }))
    const seen = hooks()
    let most = 0
    const counting = {
      ...seen,
      onItems: async (_startAt: number, { byteLength }: PackedItems) => {
        most = Math.max(most, byteLength)
      },
    }
    await executor.run(engine, batchOf(new Array(60).fill(item(4))), counting)
    expect(most).toBeLessThanOrEqual(16 * 2 ** 20)
    await executor.unload(engine)
  })

  it('fail alone where no answer holds them, and say what would help', async () => {
    const engine = engineId(await executor.load(huge(), { threads: 1, signal }))
    const run = executor.run(engine, batchOf(new Array(3).fill(item(700)), 3), hooks())
    await expect(run).rejects.toMatchObject({
      code: 'compute.invalid_input',
      message: expect.stringMatching(/2.2 GB.*smaller batchSize/),
    })
    expect(executor.engines()).toMatchObject([{ state: 'idle' }])
    await executor.unload(engine)
  })
})

describe('a worker that takes too long', () => {
  const timers: { ms: number; callback: () => void }[] = []
  let patient: LocalExecutor
  const timer = (ms: number) => timers.find((one) => one.ms === ms)

  beforeAll(async () => {
    const clock = {
      ...systemClock,
      setTimer(ms: number, callback: () => void) {
        const set = { ms, callback }
        timers.push(set)
        return () => {
          const at = timers.indexOf(set)
          if (at >= 0) timers.splice(at, 1)
        }
      },
    }
    patient = createLocalExecutor({
      clock,
      logger: pino({ level: 'silent' }),
      workersDir: started.workersDir,
    })
    await patient.start()
    await patient.refreshRuntimes()
  }, 60_000)
  afterAll(() => patient.dispose())

  it('is ended after a minute, by a clock that is held still', async () => {
    const load = patient.load(version('never-loads'), { threads: 1, signal })
    const late = expect(load).rejects.toMatchObject({ code: 'compute.timeout' })
    timer(60_000)?.callback()
    await late
  })

  it('to stop is ended, but not when it has stopped and does something else', async () => {
    const stop = new AbortController()
    const engine = engineId(await patient.load(null, { threads: 1, signal }))
    const long = { kind: 'synthetic' as const, durationMs: 60_000, busy: false, fail: null }
    const run = patient.run(engine, long, hooks(stop.signal))
    stop.abort(new Error('enough'))
    expect(timer(500)).toBeDefined()
    await expect(run).rejects.toThrow('enough')
    expect(timer(500)).toBeUndefined()
  })
})
