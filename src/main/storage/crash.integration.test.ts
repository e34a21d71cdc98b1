import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import type { JobId } from '../../shared/domain/ids'
import { buildCrashChild } from './testing/build-worker'
import { type Bench, checked, collected, createBench, onDisk, settled } from './testing/harness'
import { bytesHead, model, node, number, value } from './testing/onnx-builder'

// Beside the packages, so that the bundle finds the native one that stays outside it.
const CACHE = resolve(import.meta.dirname, '../../../node_modules/.cache')

let child: string
let buildFolder: string
beforeAll(async () => {
  await mkdir(CACHE, { recursive: true })
  buildFolder = await mkdtemp(join(CACHE, 'crash-'))
  child = await buildCrashChild(buildFolder)
})
afterAll(() => rm(buildFolder, { recursive: true, force: true }))

let bench: Bench
beforeEach(async () => {
  bench = await createBench()
})
afterEach(() => bench.dispose())

async function sources(): Promise<string> {
  const folder = join(bench.folder, 'sources')
  await mkdir(folder)
  await writeFile(join(folder, 'small.onnx'), model({ extra: [number(5, 1)] }))
  const values = 8 * 262_144
  const head = Buffer.concat([number(1, values), number(2, 1), bytesHead(9, values * 4)])
  const tail = Buffer.concat([node('Identity'), value(11, 'x', [1]), value(12, 'y', [1])])
  const weight = Buffer.concat([bytesHead(5, head.length + values * 4), head])
  const front = Buffer.concat([
    number(1, 8),
    bytesHead(7, tail.length + weight.length + values * 4),
    tail,
    weight,
  ])
  await writeFile(join(folder, 'large.onnx'), front)
  await truncate(join(folder, 'large.onnx'), front.length + values * 4)
  return folder
}

it('kill -9 at any moment leaves whole versions, no temporary file and no import without an end', async () => {
  const folder = await sources()
  const database = join(bench.folder, 'test.db')
  let completedInAll = 0
  let resumedInAll = 0
  for (let round = 0; round < 8; round++) {
    const running = spawn(process.execPath, [child, bench.dataDir, database, bench.workerEntry, folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const ended = once(running, 'exit')
    let completed = 0
    for await (const line of createInterface({ input: running.stdout })) {
      if (line !== 'started') completed++
      // The first rounds die in the first import, the later ones between and within others; when exactly, the clock of
      // the machine decides.
      if (completed >= round) {
        setTimeout(() => running.kill('SIGKILL'), Math.random() * 150)
        break
      }
    }
    expect(await ended).toEqual([null, 'SIGKILL'])
    completedInAll += completed

    const { storage, close } = await bench.open()
    const resumed = storage.listImports().filter((view) => view.state === 'running')
    for (const { id } of resumed) expect((await settled(storage, id)).state).toBe('completed')
    resumedInAll += resumed.length
    if (resumed.length > 0) expect(await collected(storage)).toEqual({ removed: 0, freedBytes: 0 })
    const disk = await onDisk(bench.dataDir)
    expect(disk.temporary).toEqual([])
    for (const view of storage.listImports()) {
      expect(view.state).toBe('completed')
      expect(view.finishedAt).not.toBeNull()
    }
    for (const { name, versions } of storage.listModels()) {
      for (const version of versions) {
        for (const file of storage.resolve(`${name}@${version}`).files) {
          const bytes = await readFile(file.absolutePath)
          expect(createHash('sha256').update(bytes).digest('hex')).toBe(file.digest)
        }
      }
    }
    for (let job = 0; job < 5; job++) {
      const bytes = await storage.artifacts.read(`job-${job}` as JobId, 'result')
      if (bytes) expect(bytes.byteLength).toBe(200_000)
    }
    expect(await checked(storage)).toMatchObject({ damaged: [], missing: [] })
    await close()
  }
  expect(completedInAll).toBeGreaterThan(10)
  expect(resumedInAll).toBeGreaterThan(0)
}, 120_000)
