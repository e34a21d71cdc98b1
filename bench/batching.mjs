import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import ort from 'onnxruntime-node'
import { createInProcess } from './in-process.mjs'
import { fixtures, percentile } from './support.mjs'

const CLIENTS = 64
const REQUESTS = 6_000
const BARE = 6_000

/** Single `infer` jobs from 64 callers in one process: what has come runs in one go, or each by itself, or a bare loop. */
export async function run() {
  const bytes = await readFile(join(fixtures, 'test100.f32'))
  const digit = (i) => bytes.subarray((i % 100) * 3136, (i % 100) * 3136 + 3136)
  const session = await ort.InferenceSession.create(join(fixtures, 'mnist_cnn.onnx'), {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  })
  const name = session.inputNames[0]
  const system = await createInProcess()
  try {
    await system.importModel(join(fixtures, 'mnist_cnn.onnx'), 'mnist')
    const measure = async (count) => {
      let next = 0
      const latencies = []
      const startedAt = performance.now()
      await Promise.all(
        Array.from({ length: CLIENTS }, async () => {
          for (let i = next++; i < count; i = next++) {
            const began = performance.now()
            const { result } = await system.submit({
              kind: 'infer',
              model: 'mnist@1',
              inputs: {
                [name]: { dtype: 'float32', shape: [1, 1, 28, 28], base64: digit(i).toString('base64') },
              },
              waitMs: 60_000,
            })
            if (!result) throw new Error('an infer gave no result')
            latencies.push(performance.now() - began)
          }
        }),
      )
      return {
        perSecond: (count / (performance.now() - startedAt)) * 1000,
        p50: percentile(latencies, 0.5),
        p99: percentile(latencies, 0.99),
      }
    }
    const bare = async () => {
      const startedAt = performance.now()
      for (let i = 0; i < BARE; i++) {
        const data = digit(i)
        await session.run({
          [name]: new ort.Tensor(
            'float32',
            new Float32Array(data.buffer, data.byteOffset, 784),
            [1, 1, 28, 28],
          ),
        })
      }
      return (BARE / (performance.now() - startedAt)) * 1000
    }
    const figures = { on: [], off: [] }
    const bareRates = []
    await measure(500)
    // Turn about, so that what the machine does besides hits all alike.
    for (let round = 0; round < 3; round++) {
      for (const how of ['on', 'off']) {
        system.updateSettings({ runsTogether: how === 'on' })
        figures[how].push(await measure(REQUESTS / 3))
      }
      bareRates.push(await bare())
    }
    const best = (list) => list.sort((a, b) => a.perSecond - b.perSecond)[1]
    const on = best(figures.on)
    const off = best(figures.off)
    const loop = bareRates.sort((a, b) => a - b)[1]
    const line = ({ perSecond, p50, p99 }) =>
      `${Math.round(perSecond)}/s, p50 / p99 ${p50.toFixed(1)} / ${p99.toFixed(1)} ms`
    return [
      [`single infers, ${CLIENTS} clients, run in one go`, line(on), ''],
      ['the same, each by itself', line(off), ''],
      ['in one go against each by itself', `${(on.perSecond / off.perSecond).toFixed(2)} times`, ''],
      [
        'a bare session.run loop',
        `${Math.round(loop)}/s (in one go: ${(on.perSecond / loop).toFixed(2)} of it)`,
        '',
      ],
    ]
  } finally {
    await system.stop()
  }
}
