import { closeSync, openSync, readSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createInProcess } from './in-process.mjs'
import { memoryOf, percentile } from './support.mjs'

const DEPTHS = [100, 1_000, 10_000]
const EVENTS = 200
const PRINCIPALS = 8
const LENGTHS_MS = [20, 200, 2_000, 20_000]
/** A frame of a window at 60 Hz. */
const AIM_MS = 16

/**
 * What one event costs the main thread while so many jobs wait behind a long one: jobs of eight principals and four lengths,
 * each of which needs the whole machine.
 */
export async function run() {
  const lines = []
  for (const depth of DEPTHS) lines.push(...(await at(depth)))
  return lines
}

async function at(depth) {
  const system = await createInProcess()
  const turns = watchTurns()
  try {
    const { cpuCores } = system.core.resources().capacity
    const job = (i, more) =>
      system.submit(
        {
          kind: 'synthetic',
          busy: false,
          name: `waits ${i}`,
          durationMs: LENGTHS_MS[i % LENGTHS_MS.length],
          need: { cpuCores },
          ...more,
        },
        `p-bench-${i % PRINCIPALS}`,
      )
    const long = await job(0, { name: 'long', durationMs: 3_600_000, preemptible: false })
    while (system.compute.get(long.id).state !== 'running') await sleep(5)
    // So that code is compiled, and the thread that foretells is there.
    for (let i = 0; i < EVENTS; i++) await system.compute.cancel((await job(i)).id)
    const before = await resident()
    const ids = []
    for (let i = 0; i < depth; i += 100) {
      const some = Array.from({ length: 100 }, (_, k) => job(i + k))
      ids.push(...(await Promise.all(some)).map(({ id }) => id))
    }
    await sleep(1_000)
    const after = await resident()

    const measured = async (act) => {
      const calls = []
      const longest = []
      for (let i = 0; i < EVENTS; i++) {
        turns.take()
        const began = performance.now()
        await act(i)
        calls.push(performance.now() - began)
        // What follows for those that watch, too.
        await sleep(5)
        longest.push(turns.take())
      }
      return [longest, calls]
    }
    const extra = []
    // The middle of the queue, of all lengths and principals: what ends up there changes most of what is known.
    const nth = (i) => ids[Math.floor(((i + 0.5) * ids.length) / EVENTS)]
    const figures = [
      ['submit', await measured(async (i) => extra.push((await job(i)).id))],
      ['change of priority', await measured((i) => system.compute.setPriority(nth(i), 1 + (i % 100)))],
      ['cancel', await measured((i) => system.compute.cancel(extra[i]))],
    ]
    // Else those of 20 s would go first now, and the ends take half an hour.
    for (let i = 0; i < EVENTS; i++) await system.compute.setPriority(nth(i), 50)
    turns.take()
    const rest = []
    for (let i = 0; i < 50; i++) {
      await sleep(100)
      rest.push(turns.take())
    }
    figures.push(['0.1 s in which nothing happens', [rest, null]])
    figures.push(['view of the queue', await measured(async () => system.compute.queue())])
    figures.push([
      'end of one, start of the next',
      [await ends(system, turns, long.id, Math.min(EVENTS, depth / LENGTHS_MS.length)), null],
    ])
    const label = `${depth.toLocaleString('en')} wait: `
    return [
      ...figures.map(([what, [longest, calls]]) => [
        label + what,
        `turn ${spread(longest)}${calls ? `, call ${spread(calls)}` : ''} ms`,
        `${AIM_MS} ms a turn`,
      ]),
      [
        `${label}memory`,
        `${megabytes(before)} MB before, ${megabytes(after)} MB with them, ${((after - before) / depth / 1000).toFixed(1)} kB a job`,
        '',
      ],
    ]
  } finally {
    turns.stop()
    await system.stop()
  }
}

/** The long one makes way, and the queue moves on, the shortest first. @returns the longest turn of each end */
function ends(system, turns, long, count) {
  return new Promise((resolve) => {
    const longest = []
    const off = system.onDidChangeJobs(({ changed }) => {
      if (!changed.some(({ state }) => state === 'succeeded')) return
      longest.push(turns.take())
      if (longest.length < count) return
      off()
      resolve(longest)
    })
    turns.take()
    void system.compute.cancel(long)
  })
}

/** Goes round with the event loop, so that what lies between two rounds is one turn of it. */
function watchTurns() {
  const delays = delaysOfThread()
  let last = performance.now()
  let delayed = delays.readMs()
  let longestMs = 0
  let next = setImmediate(go)
  function go() {
    const now = performance.now()
    const delayedNow = delays.readMs()
    longestMs = Math.max(longestMs, now - last - (delayedNow - delayed))
    last = now
    delayed = delayedNow
    next = setImmediate(go)
  }
  return {
    /** The longest turn since this was asked last. */
    take() {
      const taken = longestMs
      longestMs = 0
      return taken
    },
    stop() {
      clearImmediate(next)
      delays.close()
    },
  }
}

/** For how long this thread has been ready and had no core, which is what others do to it; known to Linux only. */
function delaysOfThread() {
  try {
    const file = openSync('/proc/thread-self/schedstat', 'r')
    const buffer = Buffer.alloc(128)
    return {
      readMs: () =>
        Number(buffer.toString('latin1', 0, readSync(file, buffer, 0, 128, 0)).split(' ')[1]) / 1e6,
      close: () => closeSync(file),
    }
  } catch {
    return { readMs: () => 0, close: () => undefined }
  }
}

/** What is resident when all that nobody needs has been given back. */
async function resident() {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  await sleep(200)
  runInNewContext('gc')()
  return memoryOf(process.pid).now
}

const spread = (values) => [0.5, 0.99, 1].map((q) => percentile(values, q).toFixed(1)).join(' / ')
const megabytes = (bytes) => (bytes / 1e6).toFixed(0)
