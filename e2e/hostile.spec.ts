import { readdir, readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { expect, test } from '@playwright/test'
import { fixtures, Serve } from './support/serve'

let serve: Serve
test.beforeEach(async () => {
  serve = await Serve.start()
})
test.afterEach(() => serve.dispose())

async function addApp(name: string): Promise<{ id: string; key: string; keyId: string }> {
  const app = (await serve.call('POST', '/principals', { kind: 'app', name, roles: ['app'] })).body
  const key = (await serve.call('POST', `/principals/${app.id}/keys`, {})).body
  return { id: app.id, key: key.key, keyId: key.id }
}

async function permit(id: string, actions: string[]): Promise<void> {
  const list = actions.map((action) => `Action::"${action}"`).join(', ')
  const text = `permit(principal == App::"${id}", action in [${list}], resource);`
  expect((await serve.call('PUT', `/policies/${id}`, { text })).status).toBe(200)
}

/** Begins an upload, and breaks the connection off within its last file. */
async function breakOff(wholeFiles: number): Promise<void> {
  const { port } = new URL(serve.url)
  const part = (name: string) => `--x\r\nContent-Disposition: form-data; name="f"; filename="${name}"\r\n\r\n`
  const parts = Array.from({ length: wholeFiles }, (_, index) => `${part(`f${index}`)}hello\r\n`)
  const head = [
    'POST /api/imports HTTP/1.1',
    `Host: 127.0.0.1:${port}`,
    `Authorization: Bearer ${serve.ownerKey}`,
    'Content-Type: multipart/form-data; boundary=x',
    'Content-Length: 50000000',
  ]
  const before = (await serve.call('GET', '/imports')).body.items.length
  const socket = connect(Number(port), '127.0.0.1')
  socket.write(`${head.join('\r\n')}\r\n\r\n${parts.join('')}${part('last')}abc`)
  await expect.poll(async () => (await serve.call('GET', '/imports')).body.items.length).toBe(before + 1)
  socket.resetAndDestroy()
}

test('broken-off uploads fail, leave no file, and do not end the process', async () => {
  for (const wholeFiles of [0, 3, 1000]) {
    await breakOff(wholeFiles)
    await expect
      .poll(async () => (await serve.call('GET', '/imports?limit=1')).body.items[0])
      .toMatchObject({ state: 'failed', error: { code: 'storage.incomplete' } })
  }
  expect(await readdir(join(serve.dataDir, 'blobs', 'incoming'))).toEqual([])
  expect(serve.stderr).not.toContain('"level":50')
})

test('bodies that cannot be parsed are an error of the caller and no line in the log', async () => {
  const send = async (path: string, type: string, body: string) => {
    const headers = { authorization: `Bearer ${serve.ownerKey}`, 'content-type': type }
    const response = await fetch(`${serve.url}/api${path}`, { method: 'POST', headers, body })
    return { status: response.status, body: await response.json() }
  }
  const invalid = { status: 422, body: { error: { code: 'system.invalid' } } }
  expect(await send('/jobs', 'application/json', '{')).toMatchObject(invalid)
  expect(await send('/jobs', 'multipart/form-data; boundary=x', 'x')).toMatchObject(invalid)
  expect(await send('/jobs', 'application/x-www-form-urlencoded', 'a[__proto__][b]=1')).toMatchObject(invalid)
  expect(await send('/imports', 'multipart/form-data', 'x')).toMatchObject(invalid)
  expect(serve.stderr).not.toContain('"level":50')
})

/** All that comes, also of what is cut off in its middle. */
async function textUntilCut({ body }: Response): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  try {
    for await (const part of body ?? []) text += decoder.decode(part, { stream: true })
  } catch (error) {
    expect(error).toBeInstanceOf(TypeError) // as fetch says that a connection was closed
  }
  return text
}

test('spying: an app sees no jobs of others in the queue, and a live view ends with its key', async () => {
  const app = await addApp('Spy')
  const { cpuCores } = (await serve.call('GET', '/resources')).body.capacity
  const wholeMachine = { kind: 'synthetic', durationMs: 600_000, need: { cpuCores } }
  for (let i = 0; i < 40; i++) await serve.call('POST', '/jobs', { ...wholeMachine, name: `private ${i}` })
  const queue = (await serve.call('GET', '/queue', undefined, app.key)).body
  expect((await serve.call('GET', '/queue')).body.waiting).not.toEqual([])
  expect(queue.waiting).toEqual([])

  await permit(app.id, ['job.submit'])
  const headers = { authorization: `Bearer ${app.key}` }
  const live = await fetch(`${serve.url}/api/events/jobs`, { headers })
  const job = await serve.call('POST', '/jobs', { kind: 'synthetic', durationMs: 1, hold: true }, app.key)
  await serve.call('DELETE', `/keys/${app.keyId}`)
  const revokedAt = Date.now()
  await serve.call('POST', `/jobs/${job.body.id}/cancel`)
  expect(await textUntilCut(live)).not.toContain('cancelled') // it ends, or this would never resolve
  expect(Date.now() - revokedAt).toBeLessThan(10_000)
})

test('spying: the limits of others, and what-if over the jobs of all, are denied and on record', async () => {
  const app = await addApp('Spy')
  await permit(app.id, ['device.read', 'job.list'])
  const question = { source: 'queue', addDevices: [{ kind: 'gpu', name: 'One more', capacity: { gpu: 1 } }] }
  expect(await serve.call('GET', `/quotas/${app.id}`, undefined, app.key)).toMatchObject({ status: 200 })
  const denied = { status: 403, body: { error: { code: 'security.denied' } } }
  expect(await serve.call('GET', '/quotas/owner', undefined, app.key)).toMatchObject(denied)
  expect(await serve.call('POST', '/queue/what-if', question, app.key)).toMatchObject(denied)
  const denials = (await serve.call('GET', '/audit?decision=deny')).body.items
  const record = { principal: app.id, action: 'job.read', resource: 'Job::"*"', decision: 'deny' }
  expect(denials).toMatchObject([
    { ...record, summary: expect.stringContaining('on another machine') },
    { ...record, summary: expect.stringContaining('the limits of owner') },
  ])
  const text = `permit(principal == App::"${app.id}", action == Action::"job.read", resource);`
  await serve.call('PUT', '/policies/spy-sees-all', { text })
  expect((await serve.call('GET', '/quotas/owner', undefined, app.key)).status).toBe(200)
  expect((await serve.call('POST', '/queue/what-if', question, app.key)).status).toBe(200)
})

test('overcommitment: an app cannot give back what its running job uses', async () => {
  const app = await addApp('Greedy')
  await permit(app.id, ['job.submit', 'lease.read', 'lease.request'])
  const job = await serve.call('POST', '/jobs', { kind: 'synthetic', durationMs: 60_000 }, app.key)
  const leases = async () => (await serve.call('GET', '/leases', undefined, app.key)).body.items
  await expect.poll(leases).toHaveLength(1)
  const [lease] = await leases()
  expect(await serve.call('DELETE', `/leases/${lease.id}`, undefined, app.key)).toMatchObject({
    status: 409,
    body: { error: { code: 'core.in_use', details: { job: job.body.id } } },
  })
  expect(await leases()).toHaveLength(1)

  const own = await serve.call('POST', '/leases', { need: { memoryBytes: 1e6 } }, app.key)
  expect((await serve.call('DELETE', `/leases/${own.body.id}`, undefined, app.key)).status).toBe(204)
})

test('smuggling: an app confirms no warning, not even of its own import, and leaves the imports of others alone', async () => {
  const app = await addApp('Smuggler')
  await permit(app.id, ['model.import', 'model.list', 'import.confirm'])
  const pickle = await readFile(join(fixtures, 'imports', 'pickle', 'benign_dict.pkl'))
  const form = new FormData()
  form.append('file', new File([pickle], 'benign_dict.pkl'))
  const mine = (await serve.call('POST', '/imports', form, app.key)).body
  const waiting = await serve.until(`/imports/${mine.id}`, ({ state }) => state !== 'running')
  expect(waiting).toMatchObject({ state: 'waiting', verdict: 'warn', createdBy: app.id })
  expect(await serve.call('POST', `/imports/${mine.id}/confirm`, {}, app.key)).toMatchObject({
    status: 403,
    body: {
      error: {
        code: 'security.denied',
        message: expect.stringContaining('accepted by a person'),
        details: { policies: ['warnings-need-a-person'] },
      },
    },
  })

  const others = await serve.import(join(fixtures, 'imports', 'pickle', 'benign_dict.pkl'), 'other')
  for (const [method, path] of [
    ['POST', `/imports/${others.id}/confirm`],
    ['DELETE', `/imports/${others.id}`],
  ] as const)
    expect((await serve.call(method, path, undefined, app.key)).status, path).toBe(403)
  expect((await serve.call('GET', `/imports/${others.id}`)).body.state).toBe('waiting')

  const denials = (await serve.call('GET', '/audit?decision=deny')).body.items
  expect(
    denials.map(({ action, resource }: Record<string, string>) => `${action} ${resource}`).sort(),
  ).toEqual(
    [
      `import.cancel Import::"${others.id}"`,
      `import.confirm Import::"${mine.id}"`,
      `import.confirm Import::"${others.id}"`,
    ].sort(),
  )
  expect((await serve.call('DELETE', `/imports/${mine.id}`, undefined, app.key)).body.state).toBe('cancelled')
  expect((await serve.call('POST', `/imports/${others.id}/confirm`)).body.state).toBe('completed')
})

test('poisoned lists: a job with thousands of labels or resources is refused', async () => {
  const many = <Value>(value: Value) =>
    Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`k${index}`, value]))
  const spec = { kind: 'synthetic', durationMs: 1 }
  const invalid = { status: 422, body: { error: { code: 'system.invalid' } } }
  expect(await serve.call('POST', '/jobs', { ...spec, labels: many('x') })).toMatchObject(invalid)
  expect(await serve.call('POST', '/jobs', { ...spec, need: { custom: many(0) } })).toMatchObject(invalid)
})
