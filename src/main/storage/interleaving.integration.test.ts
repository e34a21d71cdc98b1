import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { ImportId, JobId } from '../../shared/domain/ids'
import { AppError } from '../../shared/errors'
import type { Storage } from './index'
import { ANNA, type Bench, checked, collected, createBench, onDisk, settled } from './testing/harness'
import { inProcessWorker } from './testing/in-process-worker'
import { model, node, number, plainGraph } from './testing/onnx-builder'

type Step =
  | { do: 'import'; seed: number; name: string; cancel: boolean }
  | { do: 'warn'; seed: number; confirm: boolean }
  | { do: 'remove'; name: string; version: number }
  | { do: 'attach'; seed: number; job: string; keep: boolean }
  | { do: 'detach'; job: string }

const seed = fc.nat(2)
const name = fc.constantFrom('a', 'b')
const job = fc.constantFrom('job-1', 'job-2')
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('import' as const), seed, name, cancel: fc.boolean() }),
  fc.record({ do: fc.constant('warn' as const), seed, confirm: fc.boolean() }),
  fc.record({ do: fc.constant('remove' as const), name, version: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ do: fc.constant('attach' as const), seed, job, keep: fc.boolean() }),
  fc.record({ do: fc.constant('detach' as const), job }),
)

let bench: Bench
beforeEach(async () => {
  bench = await createBench({ withWorker: false })
  for (const seed of [0, 1, 2]) {
    await writeFile(join(bench.folder, `plain${seed}.onnx`), model({ extra: [number(5, seed)] }))
    const graph = [...plainGraph(), node('Mine', 'com.example')]
    await writeFile(join(bench.folder, `warn${seed}.onnx`), model({ graph, extra: [number(5, seed)] }))
  }
})
afterEach(() => bench.dispose())

/** What a step may be answered with when it comes at the wrong moment; anything else is a bug. */
function expected(error: unknown): void {
  if (!(error instanceof AppError) || !['storage.not_found', 'storage.conflict'].includes(error.code))
    throw error
}

async function perform(storage: Storage, step: Step): Promise<void> {
  if (step.do === 'remove') storage.removeVersion(step.name, step.version)
  else if (step.do === 'detach') storage.artifacts.remove(step.job as JobId, 'result')
  else if (step.do === 'attach') {
    const staged = await storage.artifacts.stage(artifact(step.seed))
    if (step.keep) storage.artifacts.attach(staged, step.job as JobId, 'result')
  } else if (step.do === 'import') {
    const path = join(bench.folder, `plain${step.seed}.onnx`)
    const { id } = await storage.startImport({ kind: 'path', path, name: step.name }, ANNA)
    if (step.cancel) await storage.cancelImport(id as ImportId)
    await settled(storage, id)
  } else {
    const { id } = await storage.startImport(
      { kind: 'path', path: join(bench.folder, `warn${step.seed}.onnx`) },
      ANNA,
    )
    await settled(storage, id)
    await (step.confirm ? storage.confirmImport(id as ImportId) : storage.cancelImport(id as ImportId))
  }
}

/** Checks or collects again and again, so that this happens at whatever moment of the steps. */
async function maintainUntil(storage: Storage, steps: Promise<unknown>): Promise<void> {
  let isDone = false
  const done = () => {
    isDone = true
  }
  steps.then(done, done)
  while (!isDone) {
    expect(await checked(storage)).toMatchObject({ damaged: [], missing: [] })
    await collected(storage)
  }
}

function artifact(seed: number): Uint8Array {
  return Buffer.alloc(70_000, seed)
}

/** Digests that rows name, each checked against the bytes on the disk. */
async function namedAndWhole(storage: Storage): Promise<string[]> {
  const named = new Set<string>()
  for (const { name, versions } of storage.listModels()) {
    for (const version of versions) {
      for (const file of storage.resolve(`${name}@${version}`).files) {
        expect(
          createHash('sha256')
            .update(await readFile(file.absolutePath))
            .digest('hex'),
        ).toBe(file.digest)
        named.add(file.digest)
      }
    }
  }
  for (const job of ['job-1', 'job-2'] as JobId[]) {
    const bytes = await storage.artifacts.read(job, 'result')
    if (bytes) named.add(createHash('sha256').update(bytes).digest('hex'))
  }
  return [...named].sort()
}

it('no interleaving of imports, removals, checks and collections loses a byte that a row names, keeps one that none does, or takes one for lost', async () => {
  const { storage, database } = await bench.open({ startWorker: inProcessWorker })
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(step, { minLength: 1, maxLength: 8 }), { maxLength: 6 }),
      async (waves) => {
        for (const wave of waves) {
          const steps = Promise.all(wave.map((each) => perform(storage, each).catch(expected)))
          await Promise.all([steps, maintainUntil(storage, steps)])
          await namedAndWhole(storage)
        }
        const named = await namedAndWhole(storage)
        await collected(storage)
        const { blobs, temporary } = await onDisk(bench.dataDir)
        expect(temporary).toEqual([])
        // Staged artifacts that nobody attached stay until the staged object itself is collected.
        const staged = [0, 1, 2].map((each) => createHash('sha256').update(artifact(each)).digest('hex'))
        expect(blobs.filter((digest) => named.includes(digest) || !staged.includes(digest))).toEqual(named)
        expect(
          database.transaction(() => storage.listImports().filter((view) => view.state === 'running')),
        ).toEqual([])
      },
    ),
    { numRuns: 60 },
  )
}, 300_000)
