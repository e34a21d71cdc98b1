import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pino from 'pino'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { EngineView } from '../../../shared/contract'
import type { Tensors } from '../../../shared/domain/tensor'
import { systemClock } from '../../platform/clock'
import { askWorker } from '../../platform/processes'
import type { RuntimeAdapter, RuntimeProbe } from '../../runtimes/adapter'
import { WORKER_ENV } from '../../runtimes/protocol'
import { buildWorkers } from '../../runtimes/testing/build-workers'
import {
  batchOf,
  digits,
  engineId,
  floats,
  hooks,
  mnist,
  pidOf,
  processGone,
  ramp,
  valuesOf,
} from '../../runtimes/testing/fixtures'
import { createLocalExecutor, type LocalExecutor, type RunRequest } from '.'

const { signal } = new AbortController()
const logger = pino({ level: 'silent' })
const PLAIN = { options: '', program: null, isolation: 'process' } as const
let workers: Awaited<ReturnType<typeof buildWorkers>>
let executor: LocalExecutor

beforeAll(async () => {
  workers = await buildWorkers({
    parent: 'src/main/runtimes/testing/parent.ts',
    'stuck-probe': 'src/main/runtimes/testing/stuck-probe.ts',
    starved: 'src/main/runtimes/testing/starved.ts',
  })
  executor = createLocalExecutor({ clock: systemClock, logger, workersDir: workers.dir })
  await executor.start()
  await executor.refreshRuntimes()
}, 60_000)
afterAll(async () => {
  await executor.dispose()
  await workers.dispose()
})

const synthetic = (over: Partial<Extract<RunRequest, { kind: 'synthetic' }>>): RunRequest => ({
  kind: 'synthetic',
  durationMs: 0,
  busy: false,
  fail: null,
  ...over,
})
const loadSynthetic = () => executor.load(null, { threads: 1, signal })
const find = (id: string) => executor.engines().find((view) => view.id === id)

describe('LocalExecutor', () => {
  it('says what runs here and why not', () => {
    const runtimes = executor.runtimes()
    expect(runtimes.map(({ id }) => id)).toEqual(['onnx', 'tfjs', 'pytorch', 'llama', 'synthetic'])
    // Python's torch and llama.cpp depend on the machine; where one does not run, it says why.
    const missing = runtimes.filter(({ available }) => !available)
    expect(missing.map(({ id }) => id).filter((id) => id !== 'pytorch' && id !== 'llama')).toEqual([])
    for (const { id, reason } of missing) expect(reason, id).toMatch(/\w.*\.$/)
    expect(runtimes[0]?.version).toMatch(/^\d+\.\d+/)
    expect(runtimes[1]?.backend).toMatch(/^cpu \((wasm, simd|native)\)$/)
    expect(executor.runtimeFor('onnx')).toBe('onnx')
    expect(executor.runtimeFor('tfjs-layers')).toBe('tfjs')
  })

  it('tells every change of an engine, from loading to its end', async () => {
    const states: string[] = []
    const stop = executor.onDidChangeEngines(({ changed, removed }) => {
      states.push(...changed.map((view) => view.state), ...removed.map(() => 'removed'))
    })
    const engine = engineId(await loadSynthetic())
    await executor.run(engine, synthetic({}), hooks())
    await executor.unload(engine)
    stop()
    const moves = states.filter((state, i) => state !== states[i - 1])
    expect(moves).toEqual(['loading', 'idle', 'busy', 'idle', 'removed'])
  })

  it.each([false, true])('runs for as long as asked, with progress (busy: %s)', async (busy) => {
    const view = await loadSynthetic()
    const seen = hooks()
    const outcome = await executor.run(engineId(view), synthetic({ durationMs: 600, busy }), seen)
    expect(outcome.computeMs).toBeGreaterThanOrEqual(599)
    expect(seen.progress.length).toBeGreaterThan(0)
    expect(find(view.id)).toMatchObject({ state: 'idle', runs: 1 })
    await executor.unload(engineId(view))
  })

  it.each([false, true])('stops without losing the engine when the load listens (busy: %s)', async (busy) => {
    const view = await loadSynthetic()
    const stop = new AbortController()
    const seen = hooks(stop.signal)
    seen.onProgress = () => stop.abort(new Error('enough'))
    const run = executor.run(engineId(view), synthetic({ durationMs: 60_000, busy }), seen)
    await expect(run).rejects.toThrow('enough')
    await executor.run(engineId(view), synthetic({}), hooks())
    expect(find(view.id)).toMatchObject({ state: 'idle', pid: view.pid })
    await executor.unload(engineId(view))
  })

  it('kills a worker that hangs when its attempt is aborted', async () => {
    const view = await loadSynthetic()
    const stop = new AbortController()
    const run = executor.run(engineId(view), synthetic({ fail: 'hang' }), hooks(stop.signal))
    stop.abort(new Error('took too long'))
    await expect(run).rejects.toThrow('took too long')
    expect(find(view.id)).toBeUndefined()
    await processGone(pidOf(view))
  })

  it('kills a worker that hangs when it is unloaded, and the attempt hears of it', async () => {
    const view = await loadSynthetic()
    const run = executor.run(engineId(view), synthetic({ fail: 'hang' }), hooks())
    const heard = expect(run).rejects.toMatchObject({ code: 'compute.interrupted' })
    await executor.unload(engineId(view))
    await heard
    await processGone(pidOf(view))
  })

  it('tells at once that an idle engine ends, and runs nothing on it', async () => {
    const view = await loadSynthetic()
    const told: string[] = []
    const stop = [
      executor.onWillEndEngine((id) => told.push(`ends ${id}`)),
      executor.onDidChangeEngines(({ removed }) => told.push(...removed.map((id) => `gone ${id}`))),
    ]
    const unloading = executor.unload(engineId(view))
    expect(told).toEqual([`ends ${view.id}`])
    await expect(executor.run(engineId(view), synthetic({}), hooks())).rejects.toMatchObject({
      code: 'compute.conflict',
    })
    await unloading
    const other = await loadSynthetic()
    process.kill(pidOf(other), 'SIGKILL')
    await processGone(pidOf(other))
    await expect.poll(() => told.length).toBe(4)
    expect(told).toEqual([view, other].flatMap(({ id }) => [`ends ${id}`, `gone ${id}`]))
    for (const end of stop) end()
  })

  it('fails one attempt with the error it was asked for, and keeps the engine', async () => {
    const view = await loadSynthetic()
    const run = executor.run(engineId(view), synthetic({ fail: 'error' }), hooks())
    await expect(run).rejects.toMatchObject({
      code: 'compute.runtime_failed',
      message: 'Synthetic load says: The synthetic load was asked to fail.',
    })
    expect(find(view.id)?.state).toBe('idle')
    await executor.unload(engineId(view))
  })

  it('survives a crash in the middle of a run', async () => {
    const view = await loadSynthetic()
    const crash = executor.run(engineId(view), synthetic({ durationMs: 20, fail: 'crash' }), hooks())
    await expect(crash).rejects.toMatchObject({
      code: 'compute.worker_crashed',
      details: { signal: 'SIGKILL' },
    })
    expect(find(view.id)).toBeUndefined()
    await expect(executor.run(engineId(view), synthetic({}), hooks())).rejects.toMatchObject({
      code: 'compute.not_found',
    })
  })

  it('runs several in one go, stacked or not, and one that does not fit fails alone', async () => {
    const engine = engineId(await executor.load(mnist(), { threads: 1, signal }))
    const { items, expected } = digits()
    const requests = items.slice(0, 8).map((inputs) => ({ kind: 'infer' as const, inputs }))
    for (const stack of ['no', 'check', 'yes'] as const) {
      const outcome = await executor.run(engine, { kind: 'several', requests, stack }, hooks())
      if (outcome.kind !== 'several') throw new Error(outcome.kind)
      expect(outcome.stacked?.alike).toBe(stack === 'check' ? true : undefined)
      outcome.results.forEach((result, i) => {
        if ('error' in result) throw result.error
        const [name = ''] = Object.keys(result.outputs)
        valuesOf(result.outputs, name).forEach((value, k) => {
          expect(value).toBeCloseTo(expected[i * 10 + k] ?? Number.NaN, 4)
        })
      })
    }
    // A model that mixes up what is the same gives the same, too.
    const same = requests.slice(0, 1).flatMap((request) => [request, request])
    const vain = await executor.run(engine, { kind: 'several', requests: same, stack: 'check' }, hooks())
    expect(vain).toMatchObject({ kind: 'several', results: [{ outputs: {} }, { outputs: {} }] })
    expect(vain).not.toHaveProperty('stacked')
    const odd = { kind: 'infer' as const, inputs: { image: ramp([1, 2, 28, 28]) } }
    const mixed = await executor.run(
      engine,
      { kind: 'several', requests: [...requests.slice(0, 2), odd, ...requests.slice(2, 4)], stack: 'yes' },
      hooks(),
    )
    if (mixed.kind !== 'several') throw new Error(mixed.kind)
    expect(mixed.results.map((result) => 'error' in result)).toEqual([false, false, true, false, false])
    expect(mixed.results[2]).toMatchObject({
      error: { message: expect.stringMatching(/^ONNX Runtime says: /) },
    })
    await executor.unload(engine)
  })

  it('does not run what was aborted before', async () => {
    const view = await loadSynthetic()
    const run = executor.run(engineId(view), synthetic({}), hooks(AbortSignal.abort(new Error('never'))))
    await expect(run).rejects.toThrow('never')
    expect(find(view.id)).toMatchObject({ state: 'idle', runs: 0 })
    await executor.unload(engineId(view))
  })

  it('gives up a load that is aborted, and leaves no worker', async () => {
    const stop = new AbortController()
    let pid = 0
    const unsubscribe = executor.onDidChangeEngines(({ changed }) => {
      pid ||= changed[0]?.pid ?? 0
      stop.abort(new Error('changed my mind'))
    })
    await expect(executor.load(mnist(), { threads: 1, signal: stop.signal })).rejects.toThrow(
      'changed my mind',
    )
    unsubscribe()
    expect(executor.engines()).toEqual([])
    await processGone(pid)
  })

  it('estimates memory from sizes, then from what it measured', async () => {
    const version = { ...mnist(), digest: 'measured-once', sizeBytes: 10 ** 9 }
    const guessed = executor.estimateMemory(version)
    expect(guessed).toBeGreaterThan(10 ** 9)
    const view: EngineView = await executor.load(version, { threads: 1, signal })
    expect(executor.estimateMemory(version)).toBeLessThan(guessed)
    expect(executor.estimateMemory(version)).toBeGreaterThanOrEqual(view.memoryBytes)
    await executor.unload(engineId(view))
  })
})

describe('batches', () => {
  it('reports groups in order, each only when the last report is done, and from where it is told', async () => {
    const engine = engineId(await executor.load(mnist(), { threads: 1, signal }))
    const { items, expected } = digits()
    const seen = hooks()
    let reporting = 0
    let next = 40
    const got: number[] = []
    seen.onItems = async (startAt, outputs) => {
      expect(++reporting).toBe(1)
      expect(startAt).toBe(next)
      next += outputs.count
      got.push(...outputs.unpack().map((output) => valuesOf(output, 'probs')[0] ?? 0))
      await new Promise((resolve) => setImmediate(resolve))
      reporting--
    }
    await executor.run(engine, batchOf(items, 1, 40), seen)
    expect(next).toBe(100)
    for (const [i, value] of got.entries()) expect(value).toBeCloseTo(expected[(i + 40) * 10] ?? 0, 4)
    await executor.unload(engine)
  })

  it('stops in the middle, and what was reported stands', async () => {
    const engine = engineId(await executor.load(mnist(), { threads: 1, signal }))
    const items = new Array<Tensors>(5000).fill(digits().items[0] ?? {})
    const stop = new AbortController()
    const seen = hooks(stop.signal)
    let reported = 0
    seen.onItems = async (_startAt, outputs) => {
      reported += outputs.count
      if (reported > 100) stop.abort(new Error('enough'))
    }
    const run = executor.run(engine, batchOf(items), seen)
    await expect(run).rejects.toThrow('enough')
    expect(reported).toBeLessThan(5000)
    expect(find(engine)?.state).toBe('idle')
    await executor.unload(engine)
  })

  it('stops when a report fails, and the engine is free again', async () => {
    const engine = engineId(await executor.load(mnist(), { threads: 1, signal }))
    const seen = hooks()
    seen.onItems = () => Promise.reject(new Error('the disk is full'))
    const run = executor.run(engine, batchOf(digits().items), seen)
    await expect(run).rejects.toThrow('the disk is full')
    await executor.run(engine, { kind: 'infer', inputs: digits().items[0] ?? {} }, hooks())
    await executor.unload(engine)
  })

  it('fails with the item that does not fit', async () => {
    const engine = engineId(await executor.load(mnist(), { threads: 1, signal }))
    const items = [...digits().items.slice(0, 50), { image: ramp([1, 1, 5, 5]) }, ...digits().items.slice(50)]
    const run = executor.run(engine, batchOf(items, 8), hooks())
    await expect(run).rejects.toMatchObject({ code: 'compute.runtime_failed' })
    expect(find(engine)?.state).toBe('idle')
    await executor.unload(engine)
  })

  it('carries tensors of 600 kB', async () => {
    const engine = engineId(await executor.load(mnist(), { threads: 1, signal }))
    const { items, expected } = digits()
    const pixels = new Float32Array(200 * 784)
    for (let i = 0; i < 200; i++) pixels.set(valuesOf(items[i % 100], 'image'), i * 784)
    const large = { image: floats(pixels, [200, 1, 28, 28]) }
    const seen = hooks()
    await executor.run(engine, batchOf(new Array<Tensors>(12).fill(large)), seen)
    expect(seen.items).toHaveLength(12)
    const last = valuesOf(seen.items[11], 'probs')
    expect(last).toHaveLength(2000)
    expect(last[1000]).toBeCloseTo(expected[0] ?? 0, 4)
    await executor.unload(engine)
  })
})

describe("a third party's runtime that hangs when it is tried", () => {
  it('holds up its own jobs only', async () => {
    let answer: (probe: RuntimeProbe) => void = () => undefined
    const probe = new Promise<RuntimeProbe>((resolve) => {
      answer = resolve
    })
    const stuck: RuntimeAdapter = {
      ...{ id: 'stuck', name: 'Stuck', plugin: 'stuck', formats: ['tflite'], entry: 'none.cjs' },
      probe: () => probe,
      estimateMemory: () => 1,
    }
    const deps = { clock: systemClock, logger, workersDir: workers.dir, plugins: () => [stuck] }
    const beside = createLocalExecutor(deps)
    await beside.start()
    try {
      expect(beside.runtimeFor('tflite')).toBe('stuck')
      expect(beside.untried().get('tflite')).toBe('Stuck')
      expect(beside.runtimes().at(-1)).toMatchObject({ id: 'stuck', available: false, beingTried: true })
      let answers = 0
      beside.onDidTryRuntime(() => answers++)
      const stop = new AbortController()
      const its = { ...mnist(), format: 'tflite' as const }
      const cancelled = beside.load(its, { threads: 1, signal: stop.signal })
      const waiting = beside.load(its, { threads: 1, signal })
      const engine = engineId(await beside.load(mnist(), { threads: 1, signal }))
      await beside.run(engine, { kind: 'infer', inputs: digits().items[0] ?? {} }, hooks())
      stop.abort(new Error('enough'))
      await expect(cancelled).rejects.toThrow('enough')

      const reason = 'It lacks a library.'
      answer({ ...{ available: false, version: '', backend: '', reason }, ...PLAIN })
      await expect(waiting).rejects.toMatchObject({ code: 'compute.no_runtime' })
      expect(answers).toBeGreaterThan(0)
      expect(beside.untried().has('tflite')).toBe(false)
      expect(beside.runtimes().at(-1)).toMatchObject({ available: false, beingTried: false })
      // The planner asks for it in each turn: what cannot be loaded is its own job's affair.
      const unknown = { ...its, digest: 'unknown' }
      expect(beside.estimateMemory(unknown)).toBe(1)
      expect(beside.estimateMemory({ ...unknown, format: 'keras' })).toBe(its.sizeBytes)
      expect(() => beside.runtimeFor('tflite')).toThrow(reason)
    } finally {
      answer({ ...{ available: false, version: '', backend: '', reason: '' }, ...PLAIN })
      await beside.dispose()
    }
  }, 120_000)

  it('is not waited for by a load that is cancelled while its files are looked at', async () => {
    const slow: RuntimeAdapter = {
      ...{ id: 'slow', name: 'Slow', plugin: 'slow', formats: ['tflite'], entry: 'none.cjs' },
      probe: async () => ({
        ...{ available: true, version: '', backend: 'cpu', reason: null },
        ...PLAIN,
      }),
      assertUnchanged: () => new Promise(() => undefined),
      estimateMemory: () => 1,
    }
    const deps = { clock: systemClock, logger, workersDir: workers.dir, plugins: () => [slow] }
    const beside = createLocalExecutor(deps)
    await beside.start()
    try {
      const stop = new AbortController()
      const cancelled = beside.load(
        { ...mnist(), format: 'tflite' as const },
        { threads: 1, signal: stop.signal },
      )
      setTimeout(() => stop.abort(new Error('enough')), 100)
      await expect(cancelled).rejects.toThrow('enough')
    } finally {
      await beside.dispose()
    }
  }, 30_000)

  it.runIf(process.platform !== 'win32')(
    'is asked once more when the Python it is to use has changed',
    async () => {
      const folder = await mkdtemp(join(tmpdir(), 'pythons-'))
      const python = async (name: string, script: string) => {
        const file = join(folder, name)
        await writeFile(file, `#!/bin/sh\necho asked >> '${file}.log'\n${script}\n`, { mode: 0o755 })
        return file
      }
      const answer = { available: true, version: '2.0', backend: 'cpu', reason: null }
      const slow = await python('slow', 'sleep 2; exit 1')
      const quick = await python('quick', `echo '${JSON.stringify(answer)}'`)
      let path = slow
      const started = createLocalExecutor({
        ...{ clock: systemClock, logger, workersDir: workers.dir },
        pythonPath: () => path,
      })
      await started.start()
      await vi.waitFor(() => readFile(`${slow}.log`), 10_000)
      path = quick
      await Promise.all([started.probe(), started.probe()])
      const find = () => started.runtimes().find(({ id }) => id === 'pytorch')
      expect(find()).toMatchObject({ available: true, beingTried: false, version: '2.0' })
      expect(await readFile(`${slow}.log`, 'utf8')).toBe('asked\n')
      await started.dispose()
      await rm(folder, { recursive: true })
    },
  )

  it('is ended when nobody waits for its answer any more', async () => {
    const stop = new AbortController()
    const env = { [WORKER_ENV.probe]: '1' }
    const answer = askWorker({ entry: join(workers.dir, 'stuck-probe.cjs'), env }, 600_000, stop.signal)
    stop.abort()
    expect(await answer).toMatchObject({ signal: 'SIGKILL', timedOut: false })
  })
})

describe.runIf(process.platform !== 'win32')('a system without file descriptors', () => {
  it('starts no worker, says so to who asked, and goes on when there are some again', async () => {
    const command = 'ulimit -n 128 && exec "$0" "$@"'
    const args = ['-c', command, process.execPath, join(workers.dir, 'starved.cjs'), workers.dir]
    const { stdout, stderr } = await promisify(execFile)('/bin/sh', args)
    expect(stderr).toBe('')
    expect(JSON.parse(stdout)).toEqual({
      before: 'idle',
      starved: [
        'compute.worker_crashed: A Synthetic load worker could not be started: Too many files are open.',
        'Too many files are open.',
        'tried again',
      ],
      after: 'idle',
    })
  }, 60_000)
})

describe('the death of the system', () => {
  it('takes along a worker that is only being tried out and hangs', async () => {
    const system = `
      const env = { ...process.env, LLMAGENTOS_WORKER_PROBE: '1', LLMAGENTOS_WORKER_PARENT: String(process.pid) }
      const worker = require('node:child_process').spawn(process.execPath, [process.argv[1]], { env })
      console.log(worker.pid)`
    const parent = spawn(process.execPath, ['-e', system, join(workers.dir, 'stuck-probe.cjs')])
    const [chunk]: Buffer[] = await once(parent.stdout, 'data')
    // Time to get into what it never comes back from.
    await new Promise((resolve) => setTimeout(resolve, 1000))
    parent.kill('SIGKILL')
    await processGone(Number(chunk))
  })

  it('takes the workers along, the idle and the hanging one, and leaves a folder for the next to remove', async () => {
    const tmp = await mkdtemp(join(tmpdir(), 'death-'))
    const env = { ...process.env, TMPDIR: tmp, TEMP: tmp }
    const parent = spawn(process.execPath, [join(workers.dir, 'parent.cjs'), workers.dir], { env })
    const [chunk]: Buffer[] = await once(parent.stdout, 'data')
    const { idle, hanging }: { idle: number; hanging: number } = JSON.parse(String(chunk))
    process.kill(idle, 0)
    process.kill(hanging, 0)
    parent.kill('SIGKILL')
    await Promise.all([processGone(idle), processGone(hanging)])

    const left = await readdir(tmp)
    expect(left).toHaveLength(process.platform === 'win32' ? 0 : 1)
    vi.stubEnv('TMPDIR', tmp)
    const next = createLocalExecutor({ clock: systemClock, logger, workersDir: workers.dir })
    await next.start()
    vi.unstubAllEnvs()
    expect((await readdir(tmp)).filter((name) => left.includes(name))).toEqual([])
    await next.dispose()
    expect(await readdir(tmp)).toEqual([])
    await rm(tmp, { recursive: true })
  }, 60_000)
})
