import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import ort from 'onnxruntime-node'
import { fixtures, percentile, serve } from './support.mjs'

const SINGLES = 300
const ITEMS = 10_000
const BATCHES = 5

/**
 * One `infer` through the queue, and batches, against a bare `session.run` loop on the same digits in the same run. The
 * batches alternate with the loop; the first of each, which still compiles its code, is told apart.
 */
export async function run() {
  const bytes = await readFile(join(fixtures, 'test100.f32'))
  const digit = (i) => bytes.subarray((i % 100) * 3136, (i % 100) * 3136 + 3136)
  const session = await ort.InferenceSession.create(join(fixtures, 'mnist_cnn.onnx'), {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  })
  const bare = async (i) => {
    const data = digit(i)
    const input = new ort.Tensor(
      'float32',
      new Float32Array(data.buffer, data.byteOffset, 784),
      [1, 1, 28, 28],
    )
    await session.run({ [session.inputNames[0]]: input })
  }
  const system = await serve()
  try {
    await system.importModel(join(fixtures, 'mnist_cnn.onnx'), 'mnist')
    const name = session.inputNames[0]
    const inputs = (i) => ({
      [name]: { dtype: 'float32', shape: [1, 1, 28, 28], base64: digit(i).toString('base64') },
    })
    const infer = (i) => ({ kind: 'infer', model: 'mnist@1', inputs: inputs(i) })
    const oneCall = async (i) => {
      const { result } = await system.call('POST', '/jobs', { ...infer(i), waitMs: 20_000 })
      if (!result) throw new Error('the infer gave no result')
    }
    const twoCalls = async (i) => {
      const job = await system.call('POST', '/jobs', infer(i))
      await system.call('GET', `/jobs/${job.id}/result?waitMs=20000`)
    }
    for (let i = 0; i < 50; i++) await Promise.all([bare(i), oneCall(i), twoCalls(i)])

    const bareMs = []
    const oneMs = []
    const twoMs = []
    for (let i = 0; i < SINGLES; i++) {
      bareMs.push(await timed(() => bare(i)))
      oneMs.push(await timed(() => oneCall(i)))
      twoMs.push(await timed(() => twoCalls(i)))
    }
    const added = (values) =>
      [0.5, 0.99].map((q) => ms(percentile(values, q) - percentile(bareMs, q))).join(' / ')
    const items = Array.from({ length: ITEMS }, (_, i) => inputs(i))
    const batches = []
    for (let i = 0; i <= BATCHES; i++) {
      const bareBatchMs = await timed(async () => {
        for (let i = 0; i < ITEMS; i++) await bare(i)
      })
      const job = await system.call('POST', '/jobs', { kind: 'batch', model: 'mnist@1', items })
      await untilEnded(system, job.id)
      const ended = await system.call('GET', `/jobs/${job.id}`)
      const runMs = Date.parse(ended.finishedAt) - Date.parse(ended.startedAt)
      batches.push({ share: bareBatchMs / runMs, runMs, bareBatchMs })
    }
    const [first, ...warm] = batches
    warm.sort((a, b) => a.share - b.share)
    const median = warm[BATCHES >> 1]
    return [
      [
        'one infer, bare session.run, p50 / p99',
        `${ms(percentile(bareMs, 0.5))} / ${ms(percentile(bareMs, 0.99))}`,
        '',
      ],
      [
        'one warm infer through REST, one call (submit with waitMs): added p50 / p99',
        added(oneMs),
        'p50 at most 3 ms',
      ],
      ['the same in two calls (submit, then result): added p50 / p99', added(twoMs), ''],
      [
        `batch of ${ITEMS} against the bare loop, median of ${BATCHES} pairs`,
        `${median.share.toFixed(2)} of its throughput (${perSecond(median.runMs)}, bare ${perSecond(median.bareBatchMs)}); ${warm[0].share.toFixed(2)} to ${warm.at(-1).share.toFixed(2)}; the first ${first.share.toFixed(2)}`,
        '0.9 or better',
      ],
    ]
  } finally {
    await system.stop()
  }
}

async function untilEnded(system, id) {
  for (;;) {
    const { state } = await system.call('GET', `/jobs/${id}`)
    if (state === 'succeeded') return
    if (state === 'failed' || state === 'cancelled') throw new Error(`the batch ${state}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function timed(work) {
  const start = performance.now()
  await work()
  return performance.now() - start
}

function perSecond(tookMs) {
  return `${Math.round((ITEMS / tookMs) * 1000)}/s`
}

function ms(value) {
  return `${value.toFixed(2)} ms`
}
