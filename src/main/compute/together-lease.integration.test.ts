import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Job, JobSpec } from '../../shared/contract'
import type { PrincipalId } from '../../shared/domain/ids'
import { isTerminal } from '../../shared/domain/job-state'
import { buildWorkers } from '../runtimes/testing/build-workers'
import { importAndSettle } from '../storage/testing/harness'
import { openRealSystem, REAL_WORKERS } from './testing/real-system'

const MNIST = resolve(import.meta.dirname, '../../../fixtures/mnist_cnn.onnx')
const LEASED_BYTES = 64 * 2 ** 20

let workers: Awaited<ReturnType<typeof buildWorkers>>
let folder: string
let system: Awaited<ReturnType<typeof openRealSystem>>
/** How many began in one go, and what they were held to. */
const runs: { count: number; memoryBytes: number | undefined }[] = []

beforeAll(async () => {
  workers = await buildWorkers({ ...REAL_WORKERS, onnx: 'src/main/runtimes/testing/rogue-worker.ts' })
  folder = await mkdtemp(join(tmpdir(), 'compute-together-'))
  const model = join(folder, 'takes-memory-in-company.onnx')
  await copyFile(MNIST, model)
  system = await openRealSystem(join(folder, 'data'), workers.dir, 1)
  const { executor } = system
  const run = executor.run.bind(executor)
  executor.run = (engine, request, hooks, allotment) => {
    const count = request.kind === 'several' ? request.requests.length : 1
    runs.push({ count, memoryBytes: allotment?.memoryBytes })
    return run(engine, request, hooks, allotment)
  }
  await importAndSettle(system.storage, model, 'digits')
}, 120_000)
afterAll(async () => {
  await system?.close()
  await workers?.dispose()
  await rm(folder, { recursive: true, force: true })
})

/** So many at once. @returns them when all have ended */
async function crowd(count: number): Promise<Job[]> {
  const image = (shade: number) => ({
    dtype: 'float32' as const,
    shape: [1, 1, 28, 28],
    data: new Array<number>(784).fill(shade),
  })
  const jobs = await Promise.all(
    Array.from({ length: count }, (_, i) =>
      system.compute.submit(
        JobSpec.parse({
          kind: 'infer',
          model: 'digits@1',
          inputs: { image: image(i / count) },
          need: { cpuCores: 1, memoryBytes: LEASED_BYTES },
        }),
        'p-test' as PrincipalId,
      ),
    ),
  )
  const now = () => jobs.map(({ id }) => system.compute.get(id))
  await expect.poll(() => now().every(({ state }) => isTerminal(state)), { timeout: 100_000 }).toBe(true)
  return now()
}

it('those in one go are held to the lease they run in: what outgrows it fails none, and is not tried again', async ({
  skip,
}) => {
  const watchdog = system.executor.enforcement().find(({ name }) => name === 'memoryWatchdog')
  skip(!watchdog?.inForce, 'Memory is not watched here.')
  await crowd(1)
  await crowd(3)
  const first = await crowd(6)
  expect(first.map(({ state, error }) => error ?? state)).toEqual(first.map(() => 'succeeded'))
  const together = runs.filter(({ count }) => count > 1)
  const most = Math.max(...together.map(({ count }) => count))
  expect(most).toBeGreaterThanOrEqual(4)
  expect(together.map(({ memoryBytes }) => memoryBytes)).toEqual(together.map(() => LEASED_BYTES))
  expect(first.filter(({ attempt }) => attempt === 2)).toHaveLength(most)

  runs.length = 0
  const second = await crowd(6)
  expect(second.map(({ state, attempt }) => [state, attempt])).toEqual(second.map(() => ['succeeded', 1]))
  expect(Math.max(...runs.map(({ count }) => count))).toBe(2)
}, 180_000)
