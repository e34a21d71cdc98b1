import { rm } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { JobId } from '../../shared/domain/ids'
import type { Storage } from './index'
import { type Bench, collected, createBench, type Opened, onDisk } from './testing/harness'
import { inProcessWorker } from './testing/in-process-worker'

const JOB = 'job-1' as JobId
const LARGE = 64 * 1024 + 1

let bench: Bench
let opened: Opened
let storage: Storage

beforeEach(async () => {
  bench = await createBench({ withWorker: false })
  opened = await bench.open({ startWorker: inProcessWorker })
  storage = opened.storage
})
afterEach(() => bench.dispose())

const nextTurn = () => new Promise((resolve) => setImmediate(resolve))

describe('artifacts', () => {
  it.each([0, 1, LARGE - 1, LARGE, 3_000_000])('come back as they were: %d bytes', async (size) => {
    const bytes = Buffer.alloc(size, 'artifact')
    const staged = await storage.artifacts.stage(bytes)
    expect(staged.digest === null).toBe(size < LARGE)
    storage.artifacts.attach(staged, JOB, 'result')
    expect(Buffer.compare((await storage.artifacts.read(JOB, 'result')) ?? Buffer.of(1), bytes)).toBe(0)
  })

  it('come from several pieces, which are not copied together before', async () => {
    const pieces = [Buffer.alloc(100, 1), Buffer.alloc(2_500_000, 2), Buffer.alloc(LARGE, 3)]
    for (const some of [pieces.slice(0, 1), pieces]) {
      const whole = Buffer.concat(some)
      const staged = await storage.artifacts.stage({ pieces: some, byteLength: whole.byteLength })
      storage.artifacts.attach(staged, JOB, 'result')
      expect(Buffer.compare((await storage.artifacts.read(JOB, 'result')) ?? Buffer.of(1), whole)).toBe(0)
      const alike = await storage.artifacts.stage(whole)
      expect(alike.digest).toBe(staged.digest)
    }
  })

  it('are listed by name and replaced by name', async () => {
    for (const [name, text] of [
      ['log', 'a'],
      ['input', 'b'],
      ['log', 'c'],
    ] as const) {
      storage.artifacts.attach(await storage.artifacts.stage(Buffer.from(text)), JOB, name)
    }
    expect(storage.artifacts.list(JOB)).toEqual(['input', 'log'])
    expect(Buffer.from((await storage.artifacts.read(JOB, 'log')) ?? []).toString()).toBe('c')
    storage.artifacts.remove(JOB, 'log')
    expect(await storage.artifacts.read(JOB, 'log')).toBeNull()
    expect(storage.artifacts.list('job-2' as JobId)).toEqual([])
  })

  it('do not change with the buffer they came from', async () => {
    const bytes = Buffer.from('before')
    const staged = await storage.artifacts.stage(bytes)
    bytes.write('behind')
    storage.artifacts.attach(staged, JOB, 'x')
    expect(Buffer.from((await storage.artifacts.read(JOB, 'x')) ?? []).toString()).toBe('before')
  })

  it('are kept from collection while staged, and while a row names them', async () => {
    const staged = await storage.artifacts.stage(Buffer.alloc(LARGE))
    expect(await collected(storage)).toEqual({ removed: 0, freedBytes: 0 })
    storage.artifacts.attach(staged, JOB, 'result')
    await nextTurn()
    expect((await collected(storage)).removed).toBe(0)
    storage.artifacts.remove(JOB, 'result')
    expect(await collected(storage)).toEqual({ removed: 1, freedBytes: LARGE })
  })

  it('stay staged when the transaction is rolled back', async () => {
    const staged = await storage.artifacts.stage(Buffer.alloc(LARGE))
    expect(() =>
      opened.database.transaction(() => {
        storage.artifacts.attach(staged, JOB, 'result')
        throw new Error('no')
      }),
    ).toThrow('no')
    await nextTurn()
    expect(storage.artifacts.list(JOB)).toEqual([])
    expect((await collected(storage)).removed).toBe(0)
    await opened.database.write(() => storage.artifacts.attach(staged, JOB, 'result'))
    await nextTurn()
    expect((await collected(storage)).removed).toBe(0)
    expect(await storage.artifacts.read(JOB, 'result')).toHaveLength(LARGE)
  })

  it('are stored once for all jobs', async () => {
    for (const job of ['job-1', 'job-2', 'job-3']) {
      storage.artifacts.attach(await storage.artifacts.stage(Buffer.alloc(LARGE)), job as JobId, 'result')
    }
    expect((await onDisk(bench.dataDir)).blobs).toHaveLength(1)
    expect(await storage.usage()).toMatchObject({ blobs: 1, blobBytes: LARGE })
  })

  it('say that their bytes are gone rather than give others', async () => {
    const staged = await storage.artifacts.stage(Buffer.alloc(LARGE))
    storage.artifacts.attach(staged, JOB, 'result')
    await rm(bench.dataDir, { recursive: true })
    await expect(storage.artifacts.read(JOB, 'result')).rejects.toMatchObject({ code: 'storage.corrupt' })
    expect(() => storage.artifacts.attach(staged, JOB, 'again')).toThrow(/missing/)
  })
})
