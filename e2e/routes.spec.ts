import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@playwright/test'
import { writeZeros } from './support/models'
import { fixtures, Serve } from './support/serve'

test.setTimeout(180_000)

let serve: Serve
test.beforeAll(async () => {
  test.setTimeout(120_000)
  serve = await Serve.start()
})
test.afterAll(() => serve.dispose())

/** Every item of a list, page by page. */
async function walk(path: string, limit: number): Promise<{ id?: string; name?: string }[]> {
  const all = []
  for (let cursor = ''; ; ) {
    const { status, body } = await serve.call('GET', `${path}?limit=${limit}${cursor}`)
    expect([path, status]).toEqual([path, 200])
    expect(body.items.length).toBeLessThanOrEqual(limit)
    all.push(...body.items)
    if (body.nextCursor === null) return all
    cursor = `&cursor=${encodeURIComponent(body.nextCursor)}`
  }
}

const held = (name: string) => ({ kind: 'synthetic', name, durationMs: 1, hold: true })

test('a list gives the same one by one as at once', async () => {
  await serve.import(join(fixtures, 'silero_vad_v5.onnx'))
  await serve.import(join(fixtures, 'mnist_cnn.onnx'))
  for (const name of ['one', 'two', 'three']) {
    await serve.call('POST', '/jobs', held(name))
    await serve.call('POST', '/devices', { kind: 'fpga', name, capacity: { fpga: 1 } })
    expect((await serve.call('POST', '/leases', { need: { fpga: 1 } })).status).toBe(201)
  }
  const paths = [
    '/jobs',
    '/leases',
    '/models',
    '/devices',
    '/endpoints',
    '/policies',
    '/runtimes',
    '/imports',
  ]
  for (const path of paths) {
    const whole = (await serve.call('GET', path)).body
    expect(whole.nextCursor).toBeNull()
    expect(whole.items.length).toBeGreaterThan(1)
    const ids = (items: { id?: string; name?: string }[]) => items.map(({ id, name }) => id ?? name)
    expect([path, ids(await walk(path, 1))]).toEqual([path, ids(whole.items)])
  }
})

test('telemetry: samples of every device since a time', async () => {
  const now = Date.now()
  const { items } = await serve.until('/telemetry?limit=1000', (body) => body.items.length > 1)
  const [{ device }] = items
  expect(Math.abs(Date.parse(items.at(-1).at) - now)).toBeLessThan(600_000)
  const ofOne = (await serve.call('GET', `/telemetry?device=${encodeURIComponent(device)}&limit=1`)).body
  expect(ofOne.items).toMatchObject([{ device }])
  expect((await serve.call('GET', `/telemetry?fromMs=${now + 3_600_000}`)).body.items).toEqual([])
  expect((await serve.call('GET', '/telemetry?stepMs=1')).status).toBe(422)
})

test('sessions: who calls is listed, with what the calls were', async () => {
  const { items } = (await serve.call('GET', '/sessions')).body
  const owner = (await serve.call('GET', '/me')).body
  expect(items).toMatchObject([{ principal: owner.id, principalName: owner.name, endpoint: 'rest' }])
  expect(items[0].requests).toBeGreaterThan(1)
})

test('hold and resume: a job waits until it is let go', async () => {
  const { id } = (await serve.call('POST', '/jobs', { kind: 'synthetic', durationMs: 1, dependsOn: [] })).body
  await serve.until(`/jobs/${id}`, ({ state }) => state === 'succeeded')
  const ended = await serve.call('POST', `/jobs/${id}/hold`)
  expect(ended).toMatchObject({ status: 409, body: { error: { code: 'compute.conflict' } } })

  const first = (await serve.call('POST', '/jobs', held('first'))).body
  const next = { kind: 'synthetic', durationMs: 1, dependsOn: [first.id] }
  const second = (await serve.call('POST', '/jobs', next)).body
  const heldBack = await serve.call('POST', `/jobs/${second.id}/hold`)
  expect(heldBack).toMatchObject({ status: 200, body: { state: 'held' } })
  expect((await serve.call('POST', `/jobs/${first.id}/resume`)).status).toBe(200)
  await serve.until(`/jobs/${first.id}`, ({ state }) => state === 'succeeded')
  expect((await serve.call('GET', `/jobs/${second.id}`)).body.state).toBe('held')
  expect((await serve.call('POST', `/jobs/${second.id}/resume`)).status).toBe(200)
  await serve.until(`/jobs/${second.id}`, ({ state }) => state === 'succeeded')
})

test('renewing a lease moves its end; a lease that is released cannot be renewed', async () => {
  const lease = (await serve.call('POST', '/leases', { need: { cpuCores: 1 }, ttlMs: 60_000 })).body
  const renewed = await serve.call('POST', `/leases/${lease.id}/renew`, { ttlMs: 600_000 })
  expect(renewed.status).toBe(200)
  const laterMs = Date.parse(renewed.body.expiresAt) - Date.parse(lease.expiresAt)
  expect(laterMs).toBeGreaterThan(500_000)
  await serve.call('DELETE', `/leases/${lease.id}`)
  expect((await serve.call('POST', `/leases/${lease.id}/renew`, { ttlMs: 1000 })).status).toBe(404)
})

test('an import that is cancelled ends so, and leaves no model', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'import-'))
  const path = await writeZeros(join(folder, 'large.safetensors'), 6_000_000_000)
  const { id } = (await serve.call('POST', '/imports', { path })).body
  const midway = await serve.until(`/imports/${id}`, ({ bytesDone }) => bytesDone > 0)
  expect(midway.state).toBe('running')
  const cancelled = await serve.call('DELETE', `/imports/${id}`)
  expect([200, 204]).toContain(cancelled.status)
  expect(await serve.until(`/imports/${id}`, ({ state }) => state !== 'running')).toMatchObject({
    state: 'cancelled',
    model: null,
  })
  const names = (await serve.call('GET', '/models')).body.items.map(({ name }: { name: string }) => name)
  expect(names).not.toContain('large')
  expect(await readdir(join(serve.dataDir, 'blobs', 'incoming'))).toEqual([])
  await rm(folder, { recursive: true })
})

test('guessing keys is refused with the seconds to wait', async () => {
  const guesses = await Promise.all(
    Array.from({ length: 60 }, (_, i) => serve.call('GET', '/me', undefined, `lla_guess-${i}`)),
  )
  const limited = guesses.find(({ status }) => status === 429)
  expect(limited?.body.error.code).toBe('network.rate_limited')
  const seconds = Number(limited?.headers.get('retry-after'))
  expect(seconds).toBeGreaterThan(0)
  expect(seconds * 1000).toBeGreaterThanOrEqual(limited?.body.error.details.retryAfterMs)
  expect((await serve.call('GET', '/me')).status).toBe(200)
})
