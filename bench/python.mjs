import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { fixtures, percentile, serve } from './support.mjs'

const ROUNDS = 100
/** Digits of a call: 3,136 bytes each. */
const SIZES = [
  ['3 KB', 1],
  ['600 KB', 191],
]

/** What a call of the digit classifier takes beside torch itself: through REST, the queue and the Python worker. */
export async function run() {
  const system = await serve()
  try {
    const { items } = await untilTried(system)
    const runtime = items.find(({ id }) => id === 'pytorch')
    if (!runtime.available) return [['the Python worker', `not measured: ${runtime.reason}`, '']]
    await system.importModel(join(fixtures, 'mnist_cnn.pt'), 'digits')
    const { signature } = await system.call('GET', '/models/digits/versions/1')
    const digits = await readFile(join(fixtures, 'test100.f32'))
    const rows = []
    for (const [size, count] of SIZES) {
      const data = Buffer.concat(
        Array.from({ length: count }, (_, i) => digits.subarray((i % 100) * 3136, (i % 100) * 3136 + 3136)),
      )
      const tensor = { dtype: 'float32', shape: [count, 1, 28, 28], base64: data.toString('base64') }
      const job = {
        kind: 'infer',
        model: 'digits@1',
        inputs: { [signature.inputs[0].name]: tensor },
        waitMs: 60_000,
      }
      const times = []
      const computed = []
      for (let round = -10; round < ROUNDS; round++) {
        const start = performance.now()
        const { result, error } = await system.call('POST', '/jobs', job)
        if (!result) throw new Error(`the infer gave no result: ${JSON.stringify(error)}`)
        if (round < 0) continue
        times.push(performance.now() - start)
        computed.push(result.timings.computeMs)
      }
      const bareMs = await bareTorch(count)
      const p50 = percentile(times, 0.5)
      rows.push([
        `a call of ${size} by the Python worker (${runtime.isolation}), p50`,
        `${p50.toFixed(2)} ms: bare torch ${bareMs.toFixed(2)}, worker adds ${(percentile(computed, 0.5) - bareMs).toFixed(2)}, REST and queue ${(p50 - percentile(computed, 0.5)).toFixed(2)}`,
        '',
      ])
    }
    return rows
  } finally {
    await system.stop()
  }
}

/** The same call in a Python of its own: p50 in milliseconds. */
async function bareTorch(count) {
  const script = `
import sys, time, torch
torch.set_num_threads(1)
model = torch.jit.load(sys.argv[1]).eval()
x = torch.zeros(int(sys.argv[2]), 1, 28, 28)
times = []
with torch.no_grad():
    for i in range(${ROUNDS + 10}):
        start = time.perf_counter()
        model(x)
        times.append(time.perf_counter() - start)
print(sorted(times[10:])[${ROUNDS / 2}] * 1000)`
  const args = ['-I', '-c', script, join(fixtures, 'mnist_cnn.pt'), String(count)]
  const { stdout } = await promisify(execFile)('/usr/bin/python3', args)
  return Number(stdout)
}

/** Jobs are taken once every runtime has been tried. */
async function untilTried(system) {
  await system.call('POST', '/jobs', { kind: 'synthetic', durationMs: 0, waitMs: 60_000 })
  return system.call('GET', '/runtimes')
}
