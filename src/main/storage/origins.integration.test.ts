import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type Database, openDatabase } from '../platform/database'
import { storageMigrations } from './index'
import { Origins, type VersionKey } from './origins'

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
