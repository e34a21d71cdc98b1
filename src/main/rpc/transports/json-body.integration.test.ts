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
    const atOnceFrom = performance.now()
    JSON.parse(body.toString())
    const atOnce = performance.now() - atOnceFrom
    // The machine may be busy with something else in one of three rounds.
    const longest: number[] = []
    for (let round = 0; round < 3; round++) {
      const { max, value } = await withLongestTurn(() => bodies.parse(body).catch((error: unknown) => error))
      if (kind === 'good') {
        const { inputs } = value as { inputs: { x: { base64: string } } }
        expect(Buffer.from(inputs.x.base64, 'base64').byteLength).toBe(data.length * 8)
      } else {
        const { code, message, details } = value as AppError
        expect([code, message, details]).toEqual([
          'compute.invalid_input',
          expect.stringContaining('2000000'),
          expect.objectContaining({ input: 'x' }),
        ])
      }
      longest.push(max)
    }
    expect(Math.min(...longest)).toBeLessThan(atOnce / 2)
  },
)

/** What comes of it, and for how many milliseconds the event loop stood still at most. */
async function withLongestTurn<T>(work: () => Promise<T>): Promise<{ value: T; max: number }> {
  let max = 0
  let before = performance.now()
  const timer = setInterval(() => {
    const now = performance.now()
    max = Math.max(max, now - before)
    before = now
  }, 1)
  const value = await work()
  clearInterval(timer)
  return { value, max: Math.max(max, performance.now() - before) }
}
