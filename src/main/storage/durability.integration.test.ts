import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { pidOf } from '../runtimes/testing/fixtures'
import { buildCrashChild } from './testing/build-worker'
import { type Bench, copyOfFixture, createBench } from './testing/harness'
import { TRACED, unsynced } from './testing/sync-trace'

// Beside the packages, so that the bundle finds the native one that stays outside it.
const CACHE = resolve(import.meta.dirname, '../../../node_modules/.cache')
const ACKNOWLEDGED = 8

/** Null where the calls of a process can be watched; else why not. */
function whyNoStrace(): string | null {
  if (process.platform !== 'linux') return `there is no strace on ${process.platform}`
  const { error, status, stderr } = spawnSync('strace', ['-f', '-o', '/dev/null', 'true'], {
    encoding: 'utf8',
  })
  if (error) return 'strace is not installed'
  return status === 0 ? null : stderr.trim()
}

const reason = whyNoStrace()
if (reason) process.stderr.write(`The order of syncs was not checked: ${reason}.\n`)

let buildFolder: string
let bench: Bench
beforeAll(async () => {
  await mkdir(CACHE, { recursive: true })
  buildFolder = await mkdtemp(join(CACHE, 'durability-'))
})
afterAll(() => rm(buildFolder, { recursive: true, force: true }))
afterEach(() => bench?.dispose())

it.skipIf(reason !== null)(
  'every blob, its name and its folders are on the disk before a row names it, the row before it is acknowledged',
  async () => {
    bench = await createBench()
    const child = await buildCrashChild(buildFolder)
    const sources = join(bench.folder, 'sources')
    await mkdir(sources)
    for (const name of ['mnist_cnn.onnx', 'mnist_cnn.safetensors', 'silero_vad_v5.onnx'])
      await copyOfFixture(name, join(sources, name))
    const file = join(bench.folder, 'trace')
    const command = [child, bench.dataDir, join(bench.dataDir, 'test.db'), bench.workerEntry, sources]
    const options = ['-f', '-y', '-s', '8192', '-o', file, '-e', TRACED]
    const traced = spawn('strace', [...options, process.execPath, ...command], {
      // Its own way around system calls would hide them.
      env: { ...process.env, UV_USE_IO_URING: '0' },
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
    })
    const ended = once(traced, 'exit')
    let heard = 0
    for await (const line of createInterface({ input: traced.stdout })) {
      if (line.includes('@') && ++heard === ACKNOWLEDGED) break
    }
    // The whole group: strace alone would leave what it watches running.
    process.kill(-pidOf(traced), 'SIGKILL')
    await ended

    const trace = await readFile(file, 'utf8')
    const { problems, blobs, acknowledged } = unsynced(trace)
    expect(problems).toEqual([])
    expect(acknowledged).toBeGreaterThanOrEqual(ACKNOWLEDGED)
    // Models from a copy, and artifacts from memory.
    expect(blobs).toBeGreaterThan(3)

    // The check can fail: the same run without one kind of its syncs is found out.
    const without = (pattern: RegExp) =>
      unsynced(
        trace
          .split('\n')
          .filter((line) => !(/f(data)?sync/.test(line) && pattern.test(line)))
          .join('\n'),
      ).problems
    expect(without(/blobs\/incoming\//).length).toBeGreaterThanOrEqual(blobs)
    expect(without(/blobs\/[0-9a-f]{2}>/).length).toBeGreaterThanOrEqual(3)
    expect(without(/blobs>/)).not.toEqual([])
    expect(without(/-wal>/).length).toBeGreaterThan(3)
  },
  120_000,
)
