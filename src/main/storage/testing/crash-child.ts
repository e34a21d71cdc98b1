import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import pino from 'pino'
import type { JobId, PrincipalId } from '../../../shared/domain/ids'
import { systemClock } from '../../platform/clock'
import { openDatabase } from '../../platform/database'
import { createStorage, storageMigrations } from '../index'

// A process that a test kills: it imports every file of a folder and stages artifacts, for ever, and prints each
// version that it was told is completed.

async function main(): Promise<void> {
  const [dataDir = '', databaseFile = '', inspectWorkerEntry = '', source = ''] = process.argv.slice(2)
  const database = await openDatabase(databaseFile, storageMigrations)
  const logger = pino({ level: 'silent' })
  const storage = createStorage({
    dataDir,
    database,
    clock: systemClock,
    logger,
    inspectWorkerEntry,
    usersOf: () => [],
    mayName: () => true,
    assertMayManage: () => undefined,
    hubUrl: () => 'http://127.0.0.1:9',
  })
  await storage.start()
  storage.onDidChangeImports(({ changed: [view] }) => {
    if (view?.state === 'completed') process.stdout.write(`${view.model}@${view.version}\n`)
  })
  process.stdout.write('started\n')
  const paths = (await readdir(source)).map((name) => join(source, name))
  for (let round = 0; ; round++) {
    for (const path of paths)
      await storage.startImport({ kind: 'path', path, name: `m${round % 3}` }, 'usr' as PrincipalId)
    const staged = await storage.artifacts.stage(Buffer.alloc(200_000, round))
    storage.artifacts.attach(staged, `job-${round % 5}` as JobId, 'result')
    while (storage.listImports().some((view) => view.state === 'running'))
      await new Promise((done) => setImmediate(done))
    if (round % 3 === 2) {
      for (const { name, versions } of storage.listModels())
        for (const version of versions) storage.removeVersion(name, version)
      await storage.gc('usr-anna' as PrincipalId)
    }
  }
}

void main()
