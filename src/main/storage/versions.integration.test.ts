import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { PrincipalId } from '../../shared/domain/ids'
import { type Database, openDatabase } from '../platform/database'
import { storageMigrations } from './index'
import type { StorageTables } from './schema'
import { Candidate, VersionRows } from './versions'

let folder: string
let database: Database
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'llmagentos-versions-'))
  database = await openDatabase(join(folder, 'test.db'), storageMigrations)
})
afterEach(async () => {
  await database.dispose()
  await rm(folder, { recursive: true, force: true })
})

function candidate(digest: string): Candidate {
  return Candidate.parse({
    kind: 'model',
    model: 'net',
    digest,
    sizeBytes: 1,
    format: 'onnx',
    framework: 'ONNX',
    signature: { inputs: [], outputs: [] },
    metadata: {},
    findings: [],
    source: 'net.onnx',
    files: [],
  })
}

it('forgets a version whose transaction was rolled back, though it was read within', () => {
  const rows = new VersionRows(database)
  const by = 'marie' as PrincipalId
  const values = {
    name: 'net',
    created_at: 0,
    updated_at: 0,
    family: null,
    policy_json: null,
    next_version: 1,
  }
  database.run(database.builder<StorageTables>().insertInto('models').values(values))
  const refused = () =>
    database.transaction(() => {
      rows.insert(candidate('a'.repeat(64)), 1, null, 0, by)
      expect(rows.find('net', 1)?.digest).toBe('a'.repeat(64))
      throw new Error('over the quota')
    })
  expect(refused).toThrow('over the quota')
  expect(rows.find('net', 1)).toBeNull()
  database.transaction(() => rows.insert(candidate('b'.repeat(64)), 1, null, 0, by))
  expect(rows.find('net', 1)?.digest).toBe('b'.repeat(64))
})
