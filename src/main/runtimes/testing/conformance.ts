import { readFileSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Tensors } from '../../../shared/domain/tensor'
import type { LoadableVersion, LocalExecutor, RunOutcome, RunRequest } from '../../executors/local'
import { residentBytes } from '../../executors/local/enforcement/processes'
import { batchOf, engineId, hooks, pidOf, processGone } from './fixtures'

/** A runtime under test, and a model of it. */
export interface Subject {
  version(): LoadableVersion | null
  /** What it can answer, and what the answer must be. */
  request(): RunRequest
  check(outcome: RunOutcome): void
  /** What does not end before it is stopped, and tells of itself until then. */
  endless(): RunRequest
  /** What does not fit the model, and the words of each refusal. */
  misfits(): { what: string; request: RunRequest; words: RegExp }[]
  /** A benchmark of three runs; absent: it takes no tensors. */
  benchmark?(): RunRequest
  /** What is asked twice to see whether memory grows, and bytes that it may. */
  load(): RunRequest
  growthBytes: number
}

/** A runtime that takes tensors. `inputs` fit; `wrongDtype` is the same with one tensor of another dtype. */
export function tensorSubject(parts: {
  version(): LoadableVersion
  inputs(): Tensors
  check(outputs: Tensors): void
  wrongDtype(): { inputs: Tensors; words: RegExp }
  /** How often to run to see whether memory grows. */
  runs: number
  growthBytes: number
}): Subject {
  const infer = (inputs: Tensors): RunRequest => ({ kind: 'infer', inputs })
  const stranger = { dtype: 'uint8' as const, shape: [1], bytes: new Uint8Array(1) }
  return {
    version: parts.version,
    request: () => infer(parts.inputs()),
    check(outcome) {
      if (outcome.kind !== 'infer') throw new Error('another kind')
      parts.check(outcome.outputs)
    },
    endless: () => ({ kind: 'benchmark', inputs: parts.inputs(), iterations: 1_000_000, warmup: 0 }),
    misfits() {
      const { inputs, words } = parts.wrongDtype()
      return [
        { what: 'a wrong dtype', request: infer(inputs), words },
        {
          what: 'an unknown input',
          request: infer({ ...parts.inputs(), nobody: stranger }),
          words: /nobody/,
        },
        { what: 'a missing input', request: infer({}), words: /\w/ },
      ]
    },
    benchmark: () => ({ kind: 'benchmark', inputs: parts.inputs(), iterations: 3, warmup: 1 }),
    load: () => batchOf(new Array<Tensors>(parts.runs).fill(parts.inputs())),
    growthBytes: parts.growthBytes,
  }
}

const { signal } = new AbortController()

/** What every runtime must do, seen from the executor. */
export function conformance(name: string, executor: () => LocalExecutor, subject: Subject): void {
  describe(`${name} keeps to the rules of runtimes`, () => {
    let engine: ReturnType<typeof engineId>
    let pid: number

    const load = async () => {
      const view = await executor().load(subject.version(), { threads: 1, signal })
      engine = engineId(view)
      pid = pidOf(view)
      expect(view).toMatchObject({ state: 'idle', runs: 0, loadMs: expect.any(Number) })
      expect(view.backend).not.toBe('')
    }
    const unload = () => executor().unload(engine)

    const view = () =>
      executor()
        .engines()
        .find(({ id }) => id === engine)
    const run = (request: RunRequest = subject.request()) => executor().run(engine, request, hooks())
    /** Stops as soon as it tells of itself. */
    const stopped = (request: RunRequest, act: (stop: AbortController) => void) => {
      const stop = new AbortController()
      const seen = { ...hooks(stop.signal), onText: () => act(stop) }
      seen.onProgress = () => act(stop)
      return executor().run(engine, request, seen)
    }

    describe('one engine for all', () => {
      beforeAll(load)
      afterAll(unload)

      it('reports the memory it takes, and is expected to take about as much', async () => {
        await run()
        const { memoryBytes = 0 } = view() ?? {}
        expect(memoryBytes).toBeGreaterThan(20 * 2 ** 20)
        const version = subject.version()
        // Estimated anew, as for a version that was never loaded.
        if (version)
          expect(executor().estimateMemory({ ...version, digest: `never ${Math.random()}` })).toBeGreaterThan(
            memoryBytes / 3,
          )
      })

      it('says in words what does not fit, and goes on', async () => {
        for (const { what, request, words } of subject.misfits()) {
          await expect(run(request), what).rejects.toMatchObject({
            code: expect.stringMatching(/^compute\.(invalid_input|runtime_failed)$/),
            message: expect.stringMatching(words),
          })
        }
        subject.check(await run())
        expect(view()?.pid).toBe(pid)
      })

      it('runs one attempt at a time', async () => {
        const first = run()
        await expect(run()).rejects.toMatchObject({ code: 'compute.conflict' })
        await first
      })

      if (!subject.benchmark)
        // biome-ignore lint/suspicious/noConsole: a test that does not run says why
        console.warn(
          `That ${name} measures itself is not tested: benchmarks send tensors, and it takes none.`,
        )
      it.runIf(subject.benchmark)('measures itself', async () => {
        const outcome = await run(subject.benchmark?.())
        if (outcome.kind !== 'benchmark') throw new Error('another kind')
        const { p50, p95, p99, mean } = outcome.latencyMs
        expect([p50, p95, p99, mean].every((ms) => ms > 0)).toBe(true)
        expect(p50).toBeLessThanOrEqual(p95)
        expect(p95).toBeLessThanOrEqual(p99)
        expect(outcome.throughput).toBeCloseTo(1000 / mean, 6)
        expect(outcome.iterations).toBe(3)
      })

      it('stops when asked, and goes on', async () => {
        const endless = stopped(subject.endless(), (stop) => stop.abort(new Error('enough')))
        await expect(endless).rejects.toThrow('enough')
        expect(view()).toMatchObject({ state: 'idle', pid })
        subject.check(await run())
      })

      it('does not grow', async () => {
        const quiet = hooks()
        quiet.onItems = () => Promise.resolve()
        const memory = async () => {
          await executor().run(engine, subject.load(), quiet)
          await run()
          // The view is renewed once a second.
          return (await residentBytes([pid])).get(pid) ?? view()?.memoryBytes ?? 0
        }
        const before = await memory()
        expect((await memory()) - before).toBeLessThan(subject.growthBytes)
      })
    })

    describe('an engine of its own', () => {
      beforeEach(load)
      afterEach(unload)

      it('runs, and unloads for good', async () => {
        const outcome = await run()
        subject.check(outcome)
        expect(outcome.computeMs).toBeGreaterThanOrEqual(0)
        await executor().unload(engine)
        await executor().unload(engine)
        await processGone(pid)
        expect(view()).toBeUndefined()
        await expect(run()).rejects.toMatchObject({ code: 'compute.not_found' })
      })

      it('fails the attempt when the worker is killed, and nothing else', async () => {
        const killed = stopped(subject.endless(), () => process.kill(pid, 'SIGKILL'))
        await expect(killed).rejects.toMatchObject({
          code: 'compute.worker_crashed',
          message: expect.stringContaining('SIGKILL'),
        })
        expect(view()).toBeUndefined()
      })

      it.runIf(process.platform === 'linux')('is ended when it hangs and is asked to stop', async () => {
        const hung = stopped(subject.endless(), (stop) => {
          for (const process_ of family(pid)) process.kill(process_, 'SIGSTOP')
          stop.abort(new Error('took too long'))
        })
        await expect(hung).rejects.toThrow('took too long')
        expect(view()).toBeUndefined()
        await processGone(pid)
      })
    })
  })
}

/** A worker, and what a sandbox around it has started. */
function family(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean)
  return [pid, ...children.flatMap((child) => family(Number(child)))]
}
