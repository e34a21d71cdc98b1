import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { Import } from '../../../shared/contract'
import { type Bench, createBench, importAndSettle } from '../testing/harness'
import { model } from '../testing/onnx-builder'
import { ImportRows } from './import-rows'

let bench: Bench
beforeEach(async () => {
  bench = await createBench()
})
afterEach(() => bench.dispose())

it('keeps the 200 of each principal that ended last, without a restart, and all that wait', async () => {
  const { storage, database } = await bench.open()
  const rows = new ImportRows(database)
  const at = new Date(0).toISOString()
  const ended: Import = {
    id: '',
    state: 'cancelled',
    source: 'net.onnx',
    bytesDone: 0,
    bytesTotal: 0,
    verdict: null,
    findings: [],
    kind: null,
    suggestion: null,
    dataset: null,
    model: null,
    version: null,
    known: false,
    error: null,
    createdAt: at,
    finishedAt: at,
    createdBy: 'marie',
  }
  for (let i = 0; i < 205; i++) rows.insert({ ...ended, id: `imp-${i}` }, null)
  rows.insert({ ...ended, id: 'imp-w', state: 'waiting', finishedAt: null }, null)
  const path = join(bench.folder, 'net.onnx')
  await writeFile(path, model({}))
  const removed: string[] = []
  storage.onDidChangeImports((change) => removed.push(...change.removed))
  const { id } = await importAndSettle(storage, path)
  const left = storage.listImports()
  expect(removed).toHaveLength(5)
  expect(left.filter((one) => removed.includes(one.id))).toEqual([])
  expect(left.filter((one) => one.finishedAt !== null)).toHaveLength(201)
  expect(left.map((one) => one.id)).toEqual(expect.arrayContaining([id, 'imp-w']))
})
