import { afterAll, beforeAll, expect, it } from 'vitest'
import type { AppError } from '../../../shared/errors'
import { systemClock } from '../../platform/clock'
import { buildWorkers } from '../../runtimes/testing/build-workers'
import { JsonBodies } from './json-body'

let workers: Awaited<ReturnType<typeof buildWorkers>>
let bodies: JsonBodies
beforeAll(async () => {
  workers = await buildWorkers({ json: 'src/main/rpc/transports/json-body-worker.ts' })
  bodies = new JsonBodies(`${workers.dir}/json.cjs`, systemClock)
}, 60_000)
afterAll(async () => {
  await bodies?.dispose()
  await workers?.dispose()
})

const bytes = (value: unknown) => Buffer.from(JSON.stringify(value))
const padding = 'x'.repeat(300_000)

it('gives what was sent, with good tensors as base64 and bad ones as they came', async () => {
  const good = { dtype: 'float32', shape: [2], data: [1, 'NaN'] }
  const bad = { dtype: 'uint8', shape: [2], data: [1, 256] }
  const value = await bodies.parse(
    bytes({ padding, inputs: { good, bad }, list: [good, null, { deep: [bad] }] }),
  )
  const base64 = {
    dtype: 'float32',
    shape: [2],
    base64: Buffer.from(new Float32Array([1, Number.NaN]).buffer).toString('base64'),
  }
  expect(value).toEqual({ padding, inputs: { good: base64, bad }, list: [base64, null, { deep: [bad] }] })
  // A small one is not touched.
  expect(await bodies.parse(bytes({ good }))).toEqual({ good })
})

it('refuses what is no JSON, large or small, and goes on', async () => {
  for (const text of ['{', `{"a": "${padding}"`, `${'['.repeat(400_000)}`])
    await expect(bodies.parse(Buffer.from(text))).rejects.toMatchObject({ code: 'system.invalid' })
  expect(await bodies.parse(bytes([padding]))).toEqual([padding])
})

it.each(['good', 'bad'])(
  'leaves the event loop its turns while it reads many megabytes of a %s tensor',
  async (kind) => {
    const data = Array.from({ length: 2_000_000 }, (_, i) => i / 7)
    const shape = kind === 'good' ? [data.length] : [1]
    const body = bytes({ inputs: { x: { dtype: 'float64', shape, data } } })
    let longest = 0
    let before = performance.now()
    const timer = setInterval(() => {
      const now = performance.now()
      longest = Math.max(longest, now - before)
      before = now
    }, 1)
    const atOnceFrom = performance.now()
    JSON.parse(body.toString())
    const atOnce = performance.now() - atOnceFrom
    before = performance.now()
    const answer = await bodies.parse(body).catch((error: unknown) => error)
    clearInterval(timer)
    if (kind === 'good') {
      const { inputs } = answer as { inputs: { x: { base64: string } } }
      expect(Buffer.from(inputs.x.base64, 'base64').byteLength).toBe(data.length * 8)
    } else {
      const { code, message, details } = answer as AppError
      expect([code, message, details]).toEqual([
        'compute.invalid_input',
        expect.stringContaining('2000000'),
        expect.objectContaining({ input: 'x' }),
      ])
    }
    expect(longest).toBeLessThan(atOnce / 2)
  },
)
