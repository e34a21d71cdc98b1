import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { ImportId } from '../../../shared/domain/ids'
import type { Database } from '../../platform/database'
import { ANNA, type Bench, createBench, type Opened } from '../testing/harness'
import { model } from '../testing/onnx-builder'
import { ImportRows } from './import-rows'

let bench: Bench
let opened: Opened

beforeEach(async () => {
  bench = await createBench()
  opened = await bench.open()
})
afterEach(() => bench.dispose())

function execute(database: Database, text: string): void {
  database.run({ compile: () => sql.raw(text).compile(database.builder()) })
}

/** From now on no end of an import can be written, as on a full disk. */
function refuseEnds(database: Database): void {
  execute(
    database,
    `create trigger full before update on imports when new.finished_at is not null begin select raise(abort, 'full'); end`,
  )
}

async function cancelled(): Promise<ImportId> {
  const path = join(bench.folder, 'net.onnx')
  await writeFile(path, model({}))
  const { id } = await opened.storage.startImport({ kind: 'path', path }, ANNA)
  expect(await opened.storage.cancelImport(id as ImportId)).toMatchObject({ state: 'cancelled' })
  return id as ImportId
}

it('says how an import ended though that cannot be written, and writes it as soon as it can', async () => {
  const { storage, database } = opened
  refuseEnds(database)
  const told: string[] = []
  storage.onDidChangeImports(({ changed }) => told.push(...changed.map(({ state }) => state)))
  const id = await cancelled()
  expect(told.at(-1)).toBe('cancelled')
  expect(storage.listImports()).toMatchObject([{ id, state: 'cancelled' }])
  expect(await storage.cancelImport(id)).toMatchObject({ state: 'cancelled' })
  expect(new ImportRows(database).find(id)).toMatchObject({ state: 'running' })
  execute(database, 'drop trigger full')
  await vi.waitFor(() => expect(new ImportRows(database).find(id)).toMatchObject({ state: 'cancelled' }), {
    timeout: 30_000,
  })
})

it('writes what is left to write when the system ends, so that the next start does not go on with it', async () => {
  refuseEnds(opened.database)
  const id = await cancelled()
  execute(opened.database, 'drop trigger full')
  await opened.close()
  const { storage } = await bench.open()
  expect(storage.getImport(id)).toMatchObject({ state: 'cancelled' })
})
