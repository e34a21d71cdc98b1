import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { CanaryPlan } from '../../shared/contract'
import type { PrincipalId } from '../../shared/domain/ids'
import { keptVersions } from '../../shared/domain/version-policy'
import type { Database } from '../platform/database'
import type { Storage } from './index'
import type { StorageTables } from './schema'
import { FIXTURES } from './testing/fixtures'
import { ANNA, type Bench, collected, createBench, importAndSettle } from './testing/harness'
import { inProcessWorker } from './testing/in-process-worker'
import { model, number, plainGraph, value } from './testing/onnx-builder'

const BEN = 'usr-ben' as PrincipalId
const PLAN: CanaryPlan = { version: 2, weight: 0.3, maxErrorRate: 0.2, maxP95Ms: null, minRequests: 5 }

let bench: Bench
let storage: Storage
let database: Database

beforeEach(async () => {
  bench = await createBench({ withWorker: false })
  ;({ storage, database } = await bench.open({ startWorker: inProcessWorker }))
})
afterEach(() => bench.dispose())

/** Versions 1 to `count` of `net`, with the same signature and other bytes. */
async function versions(count: number): Promise<void> {
  for (let seed = 1; seed <= count; seed++) {
    const path = join(bench.folder, 'net.onnx')
    await writeFile(path, model({ extra: [number(5, seed)] }))
    await importAndSettle(storage, path)
  }
}

function run(version: number, ok: boolean, computeMs = 1): void {
  database.transaction(() =>
    storage.observeRun({ model: 'net', version, alias: 'production', ok, computeMs }),
  )
}

describe('going back', () => {
  it('takes one call, and can be gone back on itself', async () => {
    await versions(3)
    storage.setAlias('net', 'production', 1, ANNA)
    storage.setAlias('net', 'production', 3, ANNA, 'faster')
    expect(storage.rollBack('net', 'production', BEN, 'wrong answers')).toMatchObject({
      version: 1,
      setBy: BEN,
    })
    expect(storage.rollBack('net', 'production', BEN).version).toBe(3)
    expect(storage.aliasHistory('net').map(({ from, to, reason }) => [from, to, reason])).toEqual([
      [1, 3, 'Went back'],
      [3, 1, 'wrong answers'],
      [1, 3, 'faster'],
      [null, 1, null],
    ])
  })

  it('finds where an alias was, and tells a thousand changes, however many others there were', async () => {
    await versions(3)
    storage.setAlias('net', 'production', 1, ANNA)
    storage.setAlias('net', 'production', 3, ANNA)
    database.transaction(() => {
      for (let change = 0; change < 1_000; change++) storage.setAlias('net', 'other', 1 + (change % 2), ANNA)
    })
    expect(storage.aliasHistory('net')).toHaveLength(1_000)
    expect(storage.rollBack('net', 'production', BEN).version).toBe(1)
  })

  it('says that there is nothing to go back to', async () => {
    await versions(1)
    storage.setAlias('net', 'production', 1, ANNA)
    expect(() => storage.rollBack('net', 'production', ANNA)).toThrow(/from its beginning/)
    expect(() => storage.rollBack('net', 'other', ANNA)).toThrow(/has no alias "other"/)
  })

  it('says that the version is gone', async () => {
    await versions(2)
    storage.setAlias('net', 'production', 1, ANNA)
    storage.setAlias('net', 'production', 2, ANNA)
    storage.removeVersion('net', 1)
    expect(() => storage.rollBack('net', 'production', ANNA)).toThrow(/Version 1 of net.* has been deleted/)
    expect(storage.resolve('net@production').version).toBe(2)
  })
})

describe('a canary', () => {
  beforeEach(async () => {
    await versions(2)
    storage.setAlias('net', 'production', 1, ANNA)
  })

  it('gets its share of the requests, and nothing of what names the version itself', () => {
    storage.setCanary('net', 'production', PLAN, ANNA)
    const routed = Array.from({ length: 4000 }, () => storage.route('net@production').version)
    const share = routed.filter((version) => version === 2).length / routed.length
    expect(share).toBeGreaterThan(0.25)
    expect(share).toBeLessThan(0.35)
    expect(storage.resolve('net@production').version).toBe(1)
    expect(storage.route('net@1').version).toBe(1)
    expect(storage.route('net@latest').version).toBe(2)
  })

  it('is rolled back when too many of its requests fail, which the history says', () => {
    storage.setCanary('net', 'production', PLAN, ANNA)
    for (let i = 0; i < 10; i++) run(1, false)
    for (const ok of [true, false, true, true]) run(2, ok)
    expect(storage.getModel('net').aliases[0]?.canary).toMatchObject({
      canary: { requests: 4, errors: 1, p95Ms: 1 },
      stable: { requests: 10, errors: 10, p95Ms: null },
    })
    run(2, false)
    const { aliases, history } = storage.getModel('net')
    expect(aliases[0]).toMatchObject({ version: 1, canary: null })
    expect(history[0]).toMatchObject({ from: 1, to: 1, by: ANNA })
    expect(history[0]?.reason).toContain('2 of 5 requests failed, more than 20%')
    expect(storage.route('net@production').version).toBe(1)
    expect(() => storage.rollBack('net', 'production', ANNA)).toThrow(/from its beginning/)
  })

  it('is rolled back for its latency, outlives a restart, and counts nothing after its end', async () => {
    storage.setCanary('net', 'production', { ...PLAN, maxP95Ms: 50 }, ANNA)
    for (let i = 0; i < 4; i++) run(2, true, 80)
    await bench.close()
    ;({ storage, database } = await bench.open({ startWorker: inProcessWorker }))
    expect(storage.getModel('net').aliases[0]?.canary?.canary.requests).toBe(4)
    run(2, true, 80)
    expect(storage.aliasHistory('net')[0]?.reason).toContain('80.0 ms, more than 50 ms')
    run(2, false)
    expect(storage.aliasHistory('net')).toHaveLength(3)
  })

  it('can be promoted, and ends with any move of its alias', () => {
    storage.setCanary('net', 'production', PLAN, ANNA)
    expect(storage.promoteCanary('net', 'production', BEN)).toMatchObject({ version: 2, canary: null })
    expect(() => storage.promoteCanary('net', 'production', BEN)).toThrow(/has no canary/)
    storage.setCanary('net', 'production', { ...PLAN, version: 1 }, ANNA)
    expect(storage.setAlias('net', 'production', 1, ANNA).canary).toBeNull()
    storage.setAlias('net', 'production', 2, ANNA)
    storage.setCanary('net', 'production', { ...PLAN, version: 1 }, ANNA)
    expect(storage.setCanary('net', 'production', null, ANNA).canary).toBeNull()
  })

  it('goes on when its alias is set to where it points', () => {
    storage.setCanary('net', 'production', PLAN, ANNA)
    const before = storage.getModel('net')
    expect(storage.setAlias('net', 'production', 1, BEN).canary).toMatchObject({ version: 2 })
    expect(storage.getModel('net')).toEqual(before)
  })

  it('is in the history of its alias: who started and stopped it, when and why', async () => {
    const canary = { version: 2, weight: PLAN.weight }
    storage.setCanary('net', 'production', PLAN, ANNA, 'half as large')
    storage.setCanary('net', 'production', null, BEN, 'answers at night were wrong')
    storage.setCanary('net', 'production', null, BEN)
    storage.setCanary('net', 'production', PLAN, ANNA)
    for (let i = 0; i < 5; i++) run(2, false)
    await bench.close()
    ;({ storage, database } = await bench.open({ startWorker: inProcessWorker }))
    const same = { alias: 'production', from: 1, to: 1, at: expect.any(String) }
    expect(storage.aliasHistory('net')).toEqual([
      { ...same, by: ANNA, canary: { ...canary, event: 'rolled_back' }, reason: expect.any(String) },
      { ...same, by: ANNA, canary: { ...canary, event: 'started' }, reason: null },
      { ...same, by: BEN, canary: { ...canary, event: 'stopped' }, reason: 'answers at night were wrong' },
      { ...same, by: ANNA, canary: { ...canary, event: 'started' }, reason: 'half as large' },
      { ...same, by: ANNA, from: null, canary: null, reason: null },
    ])
    expect(() => storage.rollBack('net', 'production', ANNA)).toThrow(/from its beginning/)
  })

  it('must take the same calls as the stable version, and be another', async () => {
    const path = join(bench.folder, 'net.onnx')
    const [, ...rest] = plainGraph()
    await writeFile(path, model({ graph: [value(11, 'other', [7]), ...rest] }))
    const { version } = await importAndSettle(storage, path)
    expect(() => storage.setCanary('net', 'production', { ...PLAN, version: version ?? 0 }, ANNA)).toThrow(
      /callers cannot be sent there/,
    )
    expect(() => storage.setCanary('net', 'production', { ...PLAN, version: 1 }, ANNA)).toThrow(/already/)
    expect(() => storage.setCanary('net', 'production', { ...PLAN, version: 9 }, ANNA)).toThrow(
      /no version 9/,
    )
    expect(() => storage.setCanary('net', 'none', PLAN, ANNA)).toThrow(/no alias "none"/)
  })

  it('keeps its version from being removed', () => {
    storage.setCanary('net', 'production', PLAN, ANNA)
    expect(() => storage.removeVersion('net', 2)).toThrow(/production points to it/)
  })

  it('takes back its count with the transaction that counted', () => {
    storage.setCanary('net', 'production', PLAN, ANNA)
    expect(() =>
      database.transaction(() => {
        storage.observeRun({ model: 'net', version: 2, alias: 'production', ok: false, computeMs: 1 })
        throw new Error('undone')
      }),
    ).toThrow('undone')
    expect(storage.getModel('net').aliases[0]?.canary?.canary.requests).toBe(0)
  })
})

describe('policies', () => {
  it('keep the newest, the pinned, and always what an alias needs', async () => {
    await versions(4)
    storage.setAlias('net', 'production', 1, ANNA)
    storage.annotate('net', 2, { tags: ['pinned', 'pinned', 'good'] })
    expect(storage.getVersion('net', 2).tags).toEqual(['pinned', 'good'])
    expect(await collected(storage)).toMatchObject({ removed: 0 })
    storage.updateModel('net', { policy: { keep: 'latest', count: 1, warm: true }, family: 'nets' })
    expect(storage.staysWarm('net', 4)).toBe(true)
    expect(storage.staysWarm('net', 3)).toBe(false)
    expect((await collected(storage)).removed).toBe(2)
    expect(storage.getModel('net')).toMatchObject({ versions: [4, 1], family: 'nets' })
    storage.updateModel('net', { policy: { keep: 'pinned', count: 3, warm: false } })
    expect((await collected(storage)).removed).toBe(1)
    expect(storage.getModel('net').versions).toEqual([1])
  })

  it('spare what is pinned or deleted while a collection goes on', async () => {
    await versions(5)
    storage.updateModel('net', { policy: { keep: 'latest', count: 1, warm: false } })
    let isFirst = true
    storage.onDidChangeModels(() => {
      if (!isFirst) return
      isFirst = false
      storage.removeVersion('net', 2)
      storage.setAlias('net', 'production', 3, ANNA)
      storage.updateModel('net', { policy: { keep: 'pinned', count: 1, warm: false } })
      storage.annotate('net', 4, { tags: ['pinned'] })
    })
    const { error, removedVersions } = await storage.taskEnd(storage.gc(ANNA).id, 60_000)
    expect({ error, removedVersions }).toEqual({ error: null, removedVersions: ['net@1'] })
    expect(storage.getModel('net').versions).toEqual([5, 4, 3])
  })

  it('never let go of what an alias needs, whatever the policy', () => {
    const version = fc.record({
      version: fc.integer({ min: 1, max: 30 }),
      aliases: fc.array(fc.constantFrom('production', 'canary'), { maxLength: 1 }),
      tags: fc.array(fc.constantFrom('pinned', 'old'), { maxLength: 1 }),
    })
    return fc.assert(
      fc.property(
        fc.uniqueArray(version, { selector: (candidate) => candidate.version }),
        fc.constantFrom('all' as const, 'latest' as const, 'pinned' as const),
        fc.integer({ min: 1, max: 10 }),
        (candidates, keep, count) => {
          const kept = keptVersions({ keep, count }, candidates)
          for (const candidate of candidates) {
            if (candidate.aliases.length > 0) expect(kept).toContain(candidate.version)
            if (kept.has(candidate.version) || keep !== 'latest') continue
            expect(
              candidates.filter((other) => other.version > candidate.version).length,
            ).toBeGreaterThanOrEqual(count)
          }
        },
      ),
    )
  })
})

describe('notes', () => {
  it('change alone: the version stays as it was made', async () => {
    await versions(1)
    const before = storage.getVersion('net', 1)
    storage.annotate('net', 1, { notes: 'The first that works.' })
    storage.annotate('net', 1, { tags: ['good'] })
    expect(storage.getVersion('net', 1)).toEqual({
      ...before,
      notes: 'The first that works.',
      tags: ['good'],
    })
    expect(() => storage.annotate('net', 1, { architecture: 'none@1' })).toThrow(/no model named "none"/)
    expect(() => storage.annotate('net', 7, { notes: '' })).toThrow(/no version 7/)
  })
})

it('runs bare weights in a graph that has them, and says why not in another', async () => {
  await importAndSettle(storage, join(FIXTURES, 'mnist_cnn.safetensors'), 'weights')
  await importAndSettle(storage, join(FIXTURES, 'mnist_cnn.pt'), 'script')
  const named = storage.annotate('weights', 1, { architecture: 'script@latest' })
  expect(named.architecture).toBe('script@1')

  database.transaction(() => {
    const rows = database.builder<StorageTables>()
    const other = JSON.stringify([{ name: 'other.weight', dtype: 'float32', shape: [2] }])
    const query = rows.updateTable('model_tensors').set({ tensors_json: other }).where('model', '=', 'script')
    database.run(query)
  })
  expect(() => storage.annotate('weights', 1, { notes: 'lost', architecture: 'script@1' })).toThrow(
    /do not fit script@1: script@1 has no /,
  )
  expect(storage.getVersion('weights', 1)).toMatchObject({ notes: '', architecture: 'script@1' })
})

it('finds the weights of a graph by an index', () => {
  const query = sql<{
    detail: string
  }>`explain query plan select model, version from version_notes where architecture = 'a@1'`
  const plan = database.all({ compile: () => query.compile(database.builder()) })
  expect(plan.map(({ detail }) => detail).join()).toContain('version_notes_architecture')
})

it('refuses a version as its own architecture, which would keep it from ever being removed', async () => {
  await importAndSettle(storage, join(FIXTURES, 'mnist_cnn.pt'), 'script')
  for (const architecture of ['script@1', 'script@latest'])
    expect(() => storage.annotate('script', 1, { architecture })).toThrow(
      expect.objectContaining({
        code: 'storage.conflict',
        message: expect.stringMatching(/script@1 cannot be its own architecture/),
      }),
    )
  storage.removeVersion('script', 1)
  expect(storage.listModels()).toEqual([])
})

it('keeps the architecture of bare weights over export and import, where that version is', async () => {
  await importAndSettle(storage, join(FIXTURES, 'mnist_cnn.safetensors'), 'weights')
  await importAndSettle(storage, join(FIXTURES, 'mnist_cnn.pt'), 'script')
  storage.annotate('weights', 1, { architecture: 'script@1' })
  const archive = join(bench.folder, 'weights-1.tar')
  await writeFile(archive, storage.exportVersion('model', 'weights', 1, () => true).content)

  storage.removeVersion('weights', 1)
  expect(await importAndSettle(storage, archive)).toMatchObject({ model: 'weights', version: 2 })
  expect(storage.getVersion('weights', 2).architecture).toBe('script@1')

  storage.removeVersion('weights', 2)
  storage.removeVersion('script', 1)
  await importAndSettle(storage, archive)
  expect(storage.getVersion('weights', 3).architecture).toBeNull()
})

it('records a benchmark once, with its version, and forgets it with the version', async () => {
  await versions(2)
  const benchmark = {
    job: 'j-1',
    version: 2,
    at: '2026-01-01T00:00:00.000Z',
    device: 'cpu-0',
    threads: 1,
    iterations: 10,
    latencyMs: { p50: 1, p95: 2, p99: 3, mean: 1.2 },
    throughput: 800,
  }
  storage.recordBenchmark('net', benchmark)
  storage.recordBenchmark('net', benchmark)
  expect(storage.benchmarks('net')).toEqual([benchmark])
  storage.removeVersion('net', 2)
  expect(storage.benchmarks('net')).toEqual([])
})

it('says which versions the requests for a reference may get', async () => {
  await versions(2)
  storage.setAlias('net', 'production', 1, ANNA)
  expect(storage.meanings('net@production')).toEqual([1])
  storage.setCanary('net', 'production', PLAN, ANNA)
  expect(storage.meanings('net@production')).toEqual([1, 2])
  expect(storage.meanings('net@1')).toEqual([1])
})
