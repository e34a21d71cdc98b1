import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import ort from 'onnxruntime-node'
import { denseModel } from './dense-onnx.mjs'
import { createInProcess } from './in-process.mjs'
import { fixtures, percentile, temporaryFolder } from './support.mjs'

const CLIENTS = 64
const ROUNDS = 5
/** 76 MB of weights: some 10 ms, nearly all of it to read them. */
const WIDTHS = [512, 4096, 4096, 256]

/**
 * Single `infer` jobs from callers in one process: run in one go, or each by itself, or a bare loop. A small model, for which
 * nobody waits for company, and a large one, for which a crowd does and a lone caller does not.
 */
export async function run() {
  const digits = await readFile(join(fixtures, 'test100.f32'))
  const folder = await temporaryFolder()
  const dense = join(folder.path, 'dense.onnx')
  await writeFile(dense, denseModel(WIDTHS))
  const small = {
    model: 'mnist',
    path: join(fixtures, 'mnist_cnn.onnx'),
    shape: [1, 1, 28, 28],
    row: (i) => digits.subarray((i % 100) * 3136, (i % 100) * 3136 + 3136),
    requests: { crowd: 2_000, lone: 300 },
  }
  const large = {
    model: 'dense',
    path: dense,
    shape: [1, WIDTHS[0]],
    row: (i) =>
      Buffer.from(Float32Array.from({ length: WIDTHS[0] }, (_, at) => ((at * (i + 1)) % 17) / 17).buffer),
    requests: { crowd: 400, lone: 60 },
  }
  const system = await createInProcess()
  try {
    return [...(await compare(system, small)), ...(await compare(system, large))]
  } finally {
    await system.stop()
    await folder.dispose()
  }
}

async function compare(system, { model, path, shape, row, requests }) {
  const session = await ort.InferenceSession.create(path, {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  })
  const [input] = session.inputNames
  await system.importModel(path, model)
  const clients = async (count, total) => {
    let next = 0
    const latencies = []
    const startedAt = performance.now()
    const one = async () => {
      for (let i = next++; i < total; i = next++) {
        const began = performance.now()
        const tensor = { dtype: 'float32', shape, base64: row(i).toString('base64') }
        const spec = { kind: 'infer', model: `${model}@1`, inputs: { [input]: tensor }, waitMs: 60_000 }
        if (!(await system.submit(spec)).result) throw new Error('an infer gave no result')
        latencies.push(performance.now() - began)
      }
    }
    await Promise.all(Array.from({ length: count }, one))
    const perSecond = (total / (performance.now() - startedAt)) * 1000
    return { perSecond, p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99) }
  }
  const bare = async (total) => {
    const startedAt = performance.now()
    for (let i = 0; i < total; i++) {
      const { buffer, byteOffset, length } = row(i)
      const data = new Float32Array(buffer.slice(byteOffset, byteOffset + length))
      await session.run({ [input]: new ort.Tensor('float32', data, shape) })
    }
    return (total / (performance.now() - startedAt)) * 1000
  }
  const figures = { crowd: { on: [], off: [] }, lone: { on: [], off: [] } }
  const bareRates = []
  await clients(CLIENTS, requests.crowd)
  // Turn about, so that what the machine does besides hits all alike.
  for (let round = 0; round < ROUNDS; round++) {
    for (const how of round % 2 === 0 ? ['on', 'off'] : ['off', 'on']) {
      system.updateSettings({ runsTogether: how === 'on' })
      figures.crowd[how].push(await clients(CLIENTS, requests.crowd))
      figures.lone[how].push(await clients(1, requests.lone))
    }
    bareRates.push(await bare(requests.lone))
  }
  const loop = middleOf(bareRates, (rate) => rate)
  return Object.entries(figures).flatMap(([who, { on, off }]) => {
    const [together, apart] = [on, off].map((list) => middleOf(list, ({ perSecond }) => perSecond))
    const name = `${model}, ${who === 'crowd' ? `${CLIENTS} clients` : 'one client'}`
    const [rate, p50] = [together.perSecond / apart.perSecond, together.p50 / apart.p50]
    return [
      [`${name}, run in one go`, line(together), ''],
      [`${name}, each by itself`, line(apart), ''],
      [
        `${name}, in one go against by itself`,
        `${rate.toFixed(2)} of the rate, ${p50.toFixed(2)} of p50`,
        '',
      ],
      ...(who === 'crowd'
        ? [
            [
              `${model}, a bare session.run loop`,
              `${Math.round(loop)}/s (in one go: ${(together.perSecond / loop).toFixed(2)} of it)`,
              '',
            ],
          ]
        : []),
    ]
  })
}

function middleOf(list, of) {
  const sorted = [...list].sort((a, b) => of(a) - of(b))
  return sorted[Math.floor(sorted.length / 2)]
}

const line = ({ perSecond, p50, p99 }) =>
  `${Math.round(perSecond)}/s, p50 / p99 ${p50.toFixed(1)} / ${p99.toFixed(1)} ms`
