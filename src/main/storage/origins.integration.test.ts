import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { type Database, openDatabase } from '../platform/database'
import { OriginDigests } from './export/origins'
import { storageMigrations } from './index'
import { Origins, type VersionKey } from './origins'
import type { StorageTables } from './schema'

let folder: string
let database: Database
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'llmagentos-origins-'))
  database = await openDatabase(join(folder, 'test.db'), storageMigrations)
})
afterEach(async () => {
  await database.dispose()
  await rm(folder, { recursive: true, force: true })
})

it('draws no more than a thousand nodes each way, however much a version came from and was made into', () => {
  const origins = new Origins(database)
  const key = (name: string, version: number): VersionKey => ({ kind: 'model', name, version })
  database.transaction(() => {
    const many = Array.from({ length: 3_000 }, (_, index) => `part@${index + 1}`)
    origins.add(key('whole', 1), { models: many, datasets: [] })
    for (let version = 1; version <= 3_000; version++)
      origins.add(key('child', version), { models: ['whole@1'], datasets: [] })
  })
  const graph = origins.graph(
    [key('whole', 1)],
    () => ({ job: null, source: null }),
    () => true,
  )
  const ofName = (name: string) => graph.nodes.filter(({ label }) => label.startsWith(`${name}@`)).length
  expect(graph.nodes).toHaveLength(2_000)
  expect([ofName('whole'), ofName('part'), ofName('child')]).toEqual([1, 999, 1_000])
  const ids = new Set(graph.nodes.map(({ id }) => id))
  expect(graph.edges.every(({ from, to }) => ids.has(from) && ids.has(to))).toBe(true)
})

it('looks for a hundred of the origins that an archive names, each once, however many it names', () => {
  const digest = (seed: number) => String(seed).padStart(64, '0')
  const named = (count: number, seed: (index: number) => number) =>
    Array.from({ length: count }, (_, index) => ({ name: 'base', version: 1, digest: digest(seed(index)) }))
  database.transaction(() => {
    const tables = database.builder<StorageTables>()
    const time = { created_at: 0, updated_at: 0 }
    database.run(tables.insertInto('datasets').values({ name: 'base', next_version: 1_001, ...time }))
    for (let version = 1; version <= 1_000; version++) {
      const values = {
        ...{ dataset: 'base', version, digest: digest(version), size_bytes: 1, format: 'csv', rows: 1 },
        ...{ columns_json: '[]', index_json: null, findings_json: '[]', source: '', import_id: null },
        ...{ job: null, created_at: 0, created_by: 'anna' },
      }
      database.run(tables.insertInto('dataset_versions').values(values))
    }
  })
  const digests = new OriginDigests(database, new Origins(database))
  const here = (datasets: ReturnType<typeof named>) =>
    digests.here({ models: [], datasets }, () => true).datasets
  const all = vi.spyOn(database, 'all')
  expect(here(named(1_000, () => 7))).toEqual(['base@7'])
  expect(here(named(1_000, (index) => index + 1))).toEqual(
    Array.from({ length: 100 }, (_, index) => `base@${index + 1}`),
  )
  expect(all, 'no list of all versions').not.toHaveBeenCalled()
})
