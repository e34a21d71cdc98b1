import { createInProcess } from './in-process.mjs'
import { postgres, redis } from './peers.mjs'

const CLIENTS = 100
const JOBS = 10_000
/** Until their code is compiled: all of them get faster over the first thousands. */
const WARM_UP = 10_000

/**
 * Jobs that do nothing, from 100 callers of which each submits its next when the one before is acknowledged, until the
 * last has ended; beside two queues of the field, in the same run, each with its callers and its worker in this process.
 */
export async function run() {
  const rows = []
  for (const [what, open] of [
    ['this system: SQLite, every commit synced, jobs in a worker process', ours],
    ['BullMQ on Redis, append-only file synced at every write', () => bullmq({ durable: true })],
    ['BullMQ on Redis, nothing kept on disk', () => bullmq({ durable: false })],
    ['graphile-worker on PostgreSQL, every commit synced', graphile],
  ]) {
    let queue
    try {
      queue = await open()
      await measure(queue, WARM_UP)
      const { acknowledged, ended } = await measure(queue, JOBS)
      const aim = open === ours ? '15,000/s' : ''
      rows.push([what, `${acknowledged}/s acknowledged, ${ended}/s submitted to terminal`, aim])
    } catch (error) {
      rows.push([what, `could not be measured: ${error.message}`, ''])
    } finally {
      await queue?.close()
    }
  }
  return rows
}

async function measure(queue, count) {
  let left = count
  const ended = queue.ends(count)
  const startedAt = performance.now()
  await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      while (left-- > 0) await queue.submit()
    }),
  )
  const acknowledgedAt = performance.now()
  await ended
  const rate = (until) => Math.round((count / (until - startedAt)) * 1000)
  return { acknowledged: rate(acknowledgedAt), ended: rate(performance.now()) }
}

/** Resolves with the `count`-th call of `one` from now on. */
function counter() {
  let left = 0
  let done = () => undefined
  return {
    one() {
      if (--left === 0) done()
    },
    ends(count) {
      left = count
      return new Promise((resolve) => {
        done = resolve
      })
    },
  }
}

async function ours() {
  const system = await createInProcess()
  const { one, ends } = counter()
  const ended = new Set()
  system.onDidChangeJobs(({ changed }) => {
    for (const { id, state } of changed) {
      if (state !== 'succeeded' || ended.has(id)) continue
      ended.add(id)
      one()
    }
  })
  return {
    submit: () => system.submit({ kind: 'synthetic', durationMs: 0, busy: false, need: {} }),
    ends,
    close: () => system.stop(),
  }
}

async function bullmq({ durable }) {
  const server = await redis({ durable })
  const { Queue, Worker } = server.require('bullmq')
  const connection = { host: '127.0.0.1', port: server.port, maxRetriesPerRequest: null }
  const queue = new Queue('bench', { connection })
  const { one, ends } = counter()
  const worker = new Worker('bench', async () => undefined, { connection, concurrency: CLIENTS })
  worker.on('completed', one)
  await worker.waitUntilReady()
  return {
    submit: () => queue.add('nothing', {}),
    ends,
    async close() {
      await worker.close()
      await queue.close()
      await server.stop()
    },
  }
}

async function graphile() {
  const server = await postgres()
  const { makeWorkerUtils, run: startWorker, Logger } = server.require('graphile-worker')
  const logger = new Logger(() => () => undefined)
  const { Pool } = server.require('pg')
  const pgPool = new Pool({ connectionString: server.url, max: 20 })
  // Connections that lie idle when the server stops.
  pgPool.on('error', () => undefined)
  const utils = await makeWorkerUtils({ pgPool, logger })
  await utils.migrate()
  const { one, ends } = counter()
  const runner = await startWorker({
    pgPool,
    logger,
    concurrency: 20,
    noHandleSignals: true,
    taskList: { nothing: async () => undefined },
  })
  runner.events.on('job:success', one)
  return {
    submit: () => utils.addJob('nothing', {}),
    ends,
    async close() {
      await runner.stop()
      await utils.release()
      await pgPool.end()
      await server.stop()
    },
  }
}
