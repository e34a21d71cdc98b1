import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { open, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { deflateRawSync } from 'node:zlib'
import pino from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Clock, systemClock } from '../../platform/clock'
import { pidOf } from '../../runtimes/testing/fixtures'
import type { TableFile } from '../datasets/table'
import { type Bench, createBench } from '../testing/harness'
import { zip } from '../testing/zip-builder'
import type { Inspection } from './inspect'
import { type FileWorker, startFileWorker } from './worker'

const MIB = 1024 * 1024
/** Of what nobody gives up. */
const { signal } = new AbortController()

let bench: Bench

beforeEach(async () => {
  bench = await createBench()
})
afterEach(() => bench.dispose())

async function inspected(path: string, during: () => Promise<void> = async () => undefined) {
  const worker = startFileWorker(bench.workerEntry, systemClock, pino({ level: 'silent' }))
  try {
    const inspection = worker.inspect({ kind: 'path', path }, join(bench.folder, 'scratch'), signal)
    await during()
    return await inspection
  } finally {
    await worker.dispose()
  }
}

function messagesOf({ findings }: Inspection): string {
  return findings.map(({ message }) => message).join(' ')
}

/** Processes below this one that run the inspecting process. */
function inspecting(): number[] {
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').split(' ').filter(Boolean)
  return children
    .map(Number)
    .filter((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(bench.workerEntry))
}

/** Bytes that are put on the stack and taken off again; noise now and then, or it would be refused as a bomb. */
function slowPickle(sizeBytes: number): Buffer {
  const put = [0x43, 11]
  const record = Buffer.from([...put, ...Array(11).fill(0), 0x30])
  const pickle = Buffer.alloc(Math.floor(sizeBytes / record.length) * record.length, record)
  for (let at = 0; at < pickle.length; at += record.length) {
    // Further apart than deflate looks back.
    if (at % 65_536 > 3000) continue
    for (let index = 2; index < 13; index++) pickle[at + index] = ((at + index) * 2_654_435_761) >>> 13
  }
  return pickle
}

describe('the limits of parsing', () => {
  it('refuse a pickle that grows to more memory than any model needs', async () => {
    const pickle = slowPickle(127 * MIB)
    const path = join(bench.folder, 'net.pt')
    const content = deflateRawSync(pickle, { level: 1 })
    await writeFile(path, zip([{ name: 'net/data.pkl', content, sizeBytes: pickle.length }]))
    const inspection = await inspected(path)
    expect(inspection.outcome).toBe('rejected')
    expect(messagesOf(inspection)).toContain('more than 256 MiB of memory')
  })

  it.runIf(process.platform === 'linux')(
    'count computing time, not the time of a slow disk',
    async () => {
      const path = join(bench.folder, 'net.h5')
      const file = await open(path, 'w')
      await file.write('\x89HDF\r\n\x1a\n', 0, 'latin1')
      const config = { class_name: 'Sequential', config: { name: 'net', layers: [] } }
      await file.write(JSON.stringify(config), 500 * MIB)
      await file.close()
      const inspection = await inspected(path, async () => {
        while (inspecting().length === 0) await sleep(20)
        await sleep(200)
        const pid = pidOf({ pid: inspecting()[0] })
        process.kill(pid, 'SIGSTOP')
        await sleep(6000)
        process.kill(pid, 'SIGCONT')
      })
      expect(messagesOf(inspection)).not.toContain('made to do harm')
      expect(inspection.outcome).toBe('readable')
    },
    60_000,
  )

  it.runIf(process.platform === 'linux').each([
    ['tables', (worker: FileWorker, file: TableFile) => worker.profile('csv', [file], signal)],
    [
      'what is hashed',
      (worker: FileWorker, file: TableFile) => worker.hash(file.absolutePath, false, signal),
    ],
  ])('hold for %s: a disk that gives nothing is waited for 5 minutes', async (_, read) => {
    const path = join(bench.folder, 'silent.csv')
    execFileSync('mkfifo', [path])
    // Five minutes are over at once.
    const clock: Clock = {
      ...systemClock,
      setTimer: (ms, callback) => systemClock.setTimer(ms === 5 * 60_000 ? 100 : ms, callback),
    }
    const worker = startFileWorker(bench.workerEntry, clock, pino({ level: 'silent' }))
    try {
      const file = { path: 'silent.csv', absolutePath: path, sizeBytes: 100 }
      await expect(read(worker, file)).rejects.toThrow('within 5 minutes')
    } finally {
      await worker.dispose()
    }
  })
})
