import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Tensors } from '../../../shared/domain/tensor'
import type { LoadableVersion, LocalExecutor } from '../../executors/local'
import { batchOf, engineId, hooks, processGone } from './fixtures'

export interface Subject {
  version(): LoadableVersion
  inputs(): Tensors
  check(outputs: Tensors | undefined): void
  /** The same with one tensor of a wrong dtype, and the words that the refusal must have. */
  wrongDtype(): { inputs: Tensors; words: RegExp }
  /** How often to run to see whether memory grows, and bytes that it may. */
  runs: number
  growthBytes: number
}

const { signal } = new AbortController()

/** What every runtime must do, seen from the executor. */
export function conformance(name: string, executor: () => LocalExecutor, subject: Subject): void {
  describe(`${name} keeps to the rules of runtimes`, () => {
    let engine: ReturnType<typeof engineId>
    let pid: number

    beforeEach(async () => {
      const view = await executor().load(subject.version(), { threads: 1, signal })
      engine = engineId(view)
      pid = view.pid ?? 0
      expect(view).toMatchObject({ state: 'idle', runs: 0, loadMs: expect.any(Number) })
      expect(view.memoryBytes).toBeGreaterThan(2 ** 20)
    })
    afterEach(() => executor().unload(engine))

    const infer = () => executor().run(engine, { kind: 'infer', inputs: subject.inputs() }, hooks())

    it('runs, and unloads for good', async () => {
      const outcome = await infer()
      if (outcome.kind !== 'infer') throw new Error('another kind')
      subject.check(outcome.outputs)
      expect(outcome.computeMs).toBeGreaterThan(0)
      await executor().unload(engine)
      await executor().unload(engine)
      await processGone(pid)
      expect(
        executor()
          .engines()
          .some((view) => view.id === engine),
      ).toBe(false)
      await expect(infer()).rejects.toMatchObject({ code: 'compute.not_found' })
    })

    it('names the input when a dtype is wrong, and goes on', async () => {
      const { inputs, words } = subject.wrongDtype()
      const refused = executor().run(engine, { kind: 'infer', inputs }, hooks())
      await expect(refused).rejects.toMatchObject({
        code: 'compute.invalid_input',
        message: expect.stringMatching(words),
      })
      subject.check(await inferOutputs())
    })

    async function inferOutputs(): Promise<Tensors | undefined> {
      const outcome = await infer()
      return outcome.kind === 'infer' ? outcome.outputs : undefined
    }

    it('says which input is unknown or missing', async () => {
      const unknown = executor().run(
        engine,
        {
          kind: 'infer',
          inputs: { ...subject.inputs(), nobody: { dtype: 'uint8', shape: [1], bytes: new Uint8Array(1) } },
        },
        hooks(),
      )
      await expect(unknown).rejects.toThrow('nobody')
      const missing = executor().run(engine, { kind: 'infer', inputs: {} }, hooks())
      await expect(missing).rejects.toMatchObject({
        code: expect.stringMatching(/^compute\.(invalid_input|runtime_failed)$/),
      })
    })

    it('runs one attempt at a time', async () => {
      const first = infer()
      await expect(infer()).rejects.toMatchObject({ code: 'compute.conflict' })
      await first
    })

    it('measures itself, and stops a benchmark when asked', async () => {
      const bench = { kind: 'benchmark', inputs: subject.inputs(), iterations: 3, warmup: 1 } as const
      const outcome = await executor().run(engine, bench, hooks())
      if (outcome.kind !== 'benchmark') throw new Error('another kind')
      const { p50, p95, p99, mean } = outcome.latencyMs
      expect([p50, p95, p99, mean].every((ms) => ms > 0)).toBe(true)
      expect(p50).toBeLessThanOrEqual(p95)
      expect(p95).toBeLessThanOrEqual(p99)
      expect(outcome.throughput).toBeCloseTo(1000 / mean, 6)
      expect(outcome.iterations).toBe(3)

      const stop = new AbortController()
      const seen = hooks(stop.signal)
      seen.onProgress = () => stop.abort(new Error('enough'))
      const endless = executor().run(engine, { ...bench, iterations: 1_000_000 }, seen)
      await expect(endless).rejects.toThrow('enough')
      expect(
        executor()
          .engines()
          .find((view) => view.id === engine),
      ).toMatchObject({ state: 'idle', pid })
      subject.check(await inferOutputs())
    })

    it('fails the attempt when the worker is killed, and nothing else', async () => {
      const bench = { kind: 'benchmark', inputs: subject.inputs(), iterations: 1_000_000, warmup: 0 } as const
      const seen = hooks()
      seen.onProgress = () => process.kill(pid, 'SIGKILL')
      await expect(executor().run(engine, bench, seen)).rejects.toMatchObject({
        code: 'compute.worker_crashed',
        message: expect.stringContaining('SIGKILL'),
      })
      expect(
        executor()
          .engines()
          .some((view) => view.id === engine),
      ).toBe(false)
    })

    it('does not grow', async () => {
      const items = new Array<Tensors>(subject.runs).fill(subject.inputs())
      const batch = batchOf(items)
      const memory = () =>
        executor()
          .engines()
          .find((view) => view.id === engine)?.memoryBytes ?? 0
      const quiet = hooks()
      quiet.onItems = () => Promise.resolve()
      await executor().run(engine, batch, quiet)
      await infer()
      const before = memory()
      await executor().run(engine, batch, quiet)
      await infer()
      expect(memory() - before).toBeLessThan(subject.growthBytes)
    })
  })
}
