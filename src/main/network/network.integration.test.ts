import { once } from 'node:events'
import { readdirSync, readlinkSync } from 'node:fs'
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { afterEach, beforeEach, expect, test } from 'vitest'
import WebSocket from 'ws'
import type { KeyId, PrincipalId } from '../../shared/domain/ids'
import { AppError } from '../../shared/errors'
import { Emitter } from '../platform/events'
import type { Caller, Security } from '../security'
import { TestClock } from '../security/testing'
import { createNetwork, type Network } from './index'

const KEY = 'k'.repeat(43)
const APP_KEY = 'a'.repeat(43)
const owner: Caller = {
  principal: 'owner' as PrincipalId,
  name: 'o',
  kind: 'user',
  roles: ['owner'],
  via: 'http',
  key: 'k-1' as KeyId,
}
let revoked = false
let expiresAt: string | null = null
const changedPrincipals = new Emitter<void>()
const changedPassword = new Emitter<string>()
/** Identity alone: the network needs nothing else of security. */
const security: Pick<
  Security,
  | 'authenticateKey'
  | 'authenticatePassword'
  | 'renewed'
  | 'listPrincipals'
  | 'onDidChangePassword'
  | 'onDidChangePrincipals'
> = {
  authenticateKey: (key, via) =>
    key === KEY ? { ...owner, via } : key === APP_KEY ? { ...owner, kind: 'app', roles: ['app'], via } : null,
  authenticatePassword: async (_name, password) => {
    if (password !== 'right') throw new AppError('security.wrong_password', 'Wrong.')
    return { ...owner, key: null }
  },
  onDidChangePassword: changedPassword.event,
  onDidChangePrincipals: changedPrincipals.event,
  listPrincipals: () => [
    {
      id: 'owner',
      kind: 'user',
      name: 'o',
      roles: ['owner'],
      hasPassword: false,
      createdAt: new Date(0).toISOString(),
      keys: [
        {
          id: 'k-1',
          prefix: '',
          createdAt: '',
          expiresAt,
          revokedAt: revoked ? 'then' : null,
          lastUsedAt: null,
        },
      ],
    },
  ],
  renewed(caller, via) {
    const isExpired = expiresAt !== null && Date.parse(expiresAt) <= clock.now()
    return revoked || isExpired ? null : { ...caller, via }
  },
}

let network: Network
let clock: TestClock
let url: string
const off = new Set<string>()

beforeEach(async () => {
  revoked = false
  expiresAt = null
  off.clear()
  clock = new TestClock()
  url = await open(null)
})
afterEach(() => network.dispose())

function open(rendererDir: string | null): Promise<string> {
  network = createNetwork({
    security: security as Security,
    clock,
    logger: pino({ level: 'silent' }),
    port: 0,
    fallbackToAnyPort: false,
    rendererDir,
    switchedOff: { has: (id) => off.has(id), set: (id, isOff) => (isOff ? off.add(id) : off.delete(id)) },
  })
  return network.start({
    rest: async (request, caller, { body, outgoing, onRead }) => {
      onRead()
      if (request.url.endsWith('large')) {
        outgoing.end(Buffer.alloc(60 * 2 ** 20))
        return null
      }
      return request.url.endsWith('live')
        ? new Response(new ReadableStream({ start: (live) => live.enqueue(Buffer.from('now')) }))
        : Response.json({
            caller: caller?.principal ?? null,
            bytes: body ? body.byteLength : (await request.text()).length,
          })
    },
    websocket: (socket) => socket.on('error', () => undefined).send('hello'),
  })
}

const bearer = { authorization: `Bearer ${KEY}` }

function callWithHeaders(headers: Record<string, string>): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(`${url}/api/devices`, { headers }, (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    request.on('error', reject)
    request.end()
  })
}

test('a key identifies, no key is nobody, a wrong key is refused', async () => {
  expect(await (await fetch(`${url}/api/x`, { headers: bearer })).json()).toMatchObject({ caller: 'owner' })
  expect(await (await fetch(`${url}/api/x`)).json()).toMatchObject({ caller: null })
  const wrong = await fetch(`${url}/api/x`, { headers: { authorization: 'Bearer nope' } })
  expect(wrong.status).toBe(401)
  expect(await wrong.json()).toMatchObject({ error: { code: 'security.unauthenticated' } })
})

test('DNS rebinding: a foreign Host is refused, with a good key too', async () => {
  expect(await callWithHeaders({ ...bearer, host: 'evil.example' })).toBe(403)
  expect(await callWithHeaders({ ...bearer, host: '127.0.0.1:1' })).toBe(403)
  expect(await callWithHeaders(bearer)).toBe(200)
})

test('a page of another origin is refused', async () => {
  for (const origin of ['https://evil.example', 'null', 'http://127.0.0.1:1', 'file://']) {
    expect(await callWithHeaders({ ...bearer, origin })).toBe(403)
  }
  expect(await callWithHeaders({ ...bearer, origin: url })).toBe(200)
})

test('key guessing is slowed down, while the right key still works', async () => {
  let limited: Response | null = null
  for (let i = 0; i < 25; i++) {
    const response = await fetch(`${url}/api/x`, { headers: { authorization: `Bearer ${i}` } })
    if (response.status === 429) limited = response
  }
  expect(Number(limited?.headers.get('retry-after'))).toBeGreaterThan(0)
  expect((await fetch(`${url}/api/x`, { headers: bearer })).status).toBe(200)
})

test('a body over the limit is refused, told or not told beforehand', async () => {
  const big = Buffer.alloc(65 * 2 ** 20, 'x')
  const told = await fetch(`${url}/api/jobs`, { method: 'POST', headers: bearer, body: big }).catch(
    (error: unknown) => error,
  )
  if (told instanceof Response) expect(told.status).toBe(413)
  const stream = new ReadableStream({
    start(controller) {
      for (let i = 0; i < 65; i++) controller.enqueue(big.subarray(0, 2 ** 20))
      controller.close()
    },
  })
  const untold = await fetch(`${url}/api/jobs`, {
    method: 'POST',
    headers: bearer,
    body: stream,
    duplex: 'half',
  } as RequestInit)
  expect(untold.status).toBe(413)
  expect(await untold.json()).toMatchObject({ error: { code: 'network.too_large' } })
})

test('jobs and pipelines carry tensors, so their bodies may be large, and no others', async () => {
  const post = async (path: string) =>
    (await fetch(`${url}${path}`, { method: 'POST', headers: bearer, body: Buffer.alloc(2 ** 21, 'x') }))
      .status
  expect(await post('/api/jobs')).toBe(200)
  expect(await post('/api/pipelines')).toBe(200)
  expect(await post('/api/policies/validate')).toBe(413)
  const headers = { ...bearer, 'content-type': 'Multipart/Form-Data; boundary=x' }
  const body = Buffer.alloc(2 ** 21, 'x')
  expect((await fetch(`${url}/api/imports`, { method: 'POST', headers, body })).status).toBe(200)
})

test('memory blow-up: nobody without a key makes us take in a body, and only an upload may be of any length', async () => {
  const big = Buffer.alloc(65 * 2 ** 20, 'x')
  const send = (path: string, headers: Record<string, string>) =>
    fetch(`${url}${path}`, { method: 'POST', headers, body: big }).then(
      (response) => response.status,
      () => 'closed',
    )
  const form = { 'content-type': 'multipart/form-data; boundary=x' }
  expect([401, 'closed']).toContain(await send('/api/jobs', form))
  expect([401, 'closed']).toContain(await send('/api/imports', form))
  expect([413, 'closed']).toContain(await send('/session', {}))
  expect([413, 'closed']).toContain(await send('/api/jobs', { ...bearer, ...form }))
  expect([413, 'closed']).toContain(await send('/api/%69mports', { ...bearer, ...form }))
  expect(await send('/api/imports', { ...bearer, ...form })).toBe(200)
})

test('cross-site request forgery: the cookie counts only from our own page, and ends with the key', async () => {
  const signIn = await fetch(`${url}/session`, { method: 'POST', body: JSON.stringify({ key: KEY }) })
  const cookie = signIn.headers.get('set-cookie')?.split(';')[0] ?? ''
  expect(signIn.headers.get('set-cookie')).toMatch(/HttpOnly; SameSite=Strict/)
  expect(await callWithHeaders({ cookie })).toBe(403)
  expect(await callWithHeaders({ cookie, origin: url })).toBe(200)
  revoked = true
  const after = await fetch(`${url}/api/x`, { headers: { cookie, origin: url } })
  expect(await after.json()).toMatchObject({ caller: null })
})

test('session kept alive: a sign-out, a new password and twelve hours end what a browser has open', async () => {
  const open = async (credentials: object) => {
    const signIn = await fetch(`${url}/session`, { method: 'POST', body: JSON.stringify(credentials) })
    const headers = { cookie: signIn.headers.get('set-cookie')?.split(';')[0] ?? '', origin: url }
    const socket = new WebSocket(`${url.replace('http', 'ws')}/rpc`, { headers })
    const closed = once(socket, 'close')
    await once(socket, 'message')
    const live = (await fetch(`${url}/api/jobs/live`, { headers })).body?.getReader()
    await live?.read()
    const end = async () => {
      await closed
      await expect(live?.read()).rejects.toThrow()
      const { caller } = (await (await fetch(`${url}/api/x`, { headers })).json()) as { caller: unknown }
      expect(caller).toBeNull()
    }
    return { socket, end }
  }
  const kept = await open({ key: KEY })
  const byKey = new WebSocket(`${url.replace('http', 'ws')}/rpc`, { headers: bearer })
  await once(byKey, 'message')

  changedPassword.fire('somebody else')
  clock.advance(3_600_000)
  const signIn = await fetch(`${url}/session`, { method: 'POST', body: JSON.stringify({ key: KEY }) })
  const cookie = signIn.headers.get('set-cookie')?.split(';')[0] ?? ''
  const socket = new WebSocket(`${url.replace('http', 'ws')}/rpc`, { headers: { cookie, origin: url } })
  const signedOut = once(socket, 'close')
  await once(socket, 'message')
  await fetch(`${url}/session`, { method: 'DELETE', headers: { cookie, origin: url } })
  await signedOut

  clock.advance(11 * 3_600_000)
  await kept.end()
  const withKey = await open({ key: KEY })
  const withPassword = await open({ name: 'o', password: 'right' })
  changedPassword.fire('owner')
  await withPassword.end()
  expect(withKey.socket.readyState).toBe(WebSocket.OPEN)
  withKey.socket.close()
  expect(byKey.readyState).toBe(WebSocket.OPEN)
  byKey.close()
})

test('sessions without end: a principal has twenty browsers signed in, and the oldest is signed out', async () => {
  const cookies: string[] = []
  for (let i = 0; i < 21; i++) {
    const signIn = await fetch(`${url}/session`, { method: 'POST', body: JSON.stringify({ key: KEY }) })
    cookies.push(signIn.headers.get('set-cookie')?.split(';')[0] ?? '')
  }
  const callers = await Promise.all(
    cookies.map(async (cookie) => {
      const answer = await fetch(`${url}/api/x`, { headers: { cookie, origin: url } })
      return ((await answer.json()) as { caller: string | null }).caller
    }),
  )
  expect(callers).toEqual([null, ...Array(20).fill('owner')])
})

test('a WebSocket needs credentials and the right origin', async () => {
  const open = (headers: Record<string, string>) =>
    new Promise<string>((resolve) => {
      const socket = new WebSocket(`${url.replace('http', 'ws')}/rpc`, { headers })
      socket.on('message', (data) => {
        resolve(String(data))
        socket.close()
      })
      socket.on('error', (error) => resolve(error.message))
    })
  expect(await open(bearer)).toBe('hello')
  expect(await open({})).toContain('401')
  expect(await open({ ...bearer, origin: 'https://evil.example' })).toContain('403')
})

test('a protocol can be switched off and on, also by a call of the one that is off', async () => {
  const status = async (path: string) => (await fetch(`${url}${path}`, { headers: bearer })).status
  network.setEndpoint('rest', false)
  expect(network.url()).toBeNull()
  expect(await status('/api/x')).toBe(404)
  expect(await status('/api/endpoints/rest/x')).toBe(404)
  for (const path of ['/api/health', '/api/endpoints', '/api/endpoints/rest'])
    expect([path, await status(path)]).toEqual([path, 200])
  network.setEndpoint('rest', true)
  expect(network.url()).toBe(url)
  expect(await status('/api/x')).toBe(200)
  expect(() => network.setEndpoint('gopher', true)).toThrowError(AppError)
  expect(network.listSessions()).toMatchObject([{ principal: 'owner', endpoint: 'rest', requests: 4 }])
})

test('a window in a browser submits large jobs also while the REST API is off for programs', async () => {
  const signIn = await fetch(`${url}/session`, { method: 'POST', body: JSON.stringify({ key: KEY }) })
  const headers = { cookie: signIn.headers.get('set-cookie')?.split(';')[0] ?? '', origin: url }
  const submit = async (path: string, as: Record<string, string>) =>
    (await fetch(`${url}${path}`, { method: 'POST', headers: as, body: '{}' })).status
  network.setEndpoint('rest', false)
  expect(await submit('/api/jobs', headers)).toBe(200)
  expect(await submit('/api/pipelines', headers)).toBe(200)
  expect(await submit('/api/jobs', bearer)).toBe(404)
  expect(await submit('/api/leases', headers)).toBe(404)
  expect(await submit('/api/jobs', { ...headers, cookie: 'llmagentos_session=made-up' })).toBe(401)
  network.setEndpoint('websocket', false)
  expect(await submit('/api/jobs', headers)).toBe(404)
})

test('live streams of the REST API end when it is switched off, and not the call that switches it', async () => {
  const live = async (path: string) => {
    const reader = (await fetch(`${url}${path}`, { headers: bearer })).body?.getReader()
    await reader?.read()
    return reader
  }
  const [stream, switching] = await Promise.all([live('/api/jobs/live'), live('/api/endpoints/live')])
  network.setEndpoint('rest', false)
  await expect(stream?.read()).rejects.toThrow()
  const more = switching?.read().then(
    () => 'more',
    () => 'ended',
  )
  expect(await Promise.race([more, fetch(`${url}/api/health`).then(() => 'open')])).toBe('open')
})

test('open browsers are let go when theirs is switched off, and when the system ends', async () => {
  const open = async () => {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/rpc`, { headers: bearer })
    const closed = once(socket, 'close')
    await once(socket, 'message')
    return { closed }
  }
  const first = await open()
  network.setEndpoint('rest', false)
  const second = await open()
  network.setEndpoint('websocket', false)
  expect((await first.closed)[0]).toBe(1001)
  await second.closed
  network.setEndpoint('websocket', true)
  const last = await open()
  await network.dispose()
  await last.closed
})

test('a message that would hold up the event loop ends its connection, of an app and of a person', async () => {
  const send = async (key: string) => {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/rpc`, {
      headers: { authorization: `Bearer ${key}` },
    })
    const closed = once(socket, 'close')
    await once(socket, 'message')
    socket.send(`[${'[],'.repeat(2 ** 18)}[]]`)
    return (await closed)[0]
  }
  expect(await send(APP_KEY)).toBe(1009)
  expect(await send(KEY)).toBe(1009)
})

test('shutdown held up: the server closes though a client keeps the socket of a refused upgrade', async () => {
  const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1', allowHalfOpen: true })
  const { host } = new URL(url)
  socket.write(`GET /rpc HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`)
  const [answer] = await once(socket, 'data')
  expect(String(answer)).toContain('401')
  await network.dispose()
  socket.destroy()
})

test('memory blow-up: what only reads brings no body, with or without a key', async () => {
  const send = (method: string, headers: Record<string, string>, body: string) =>
    new Promise<number | undefined>((resolve, reject) => {
      const request = httpRequest(`${url}/api/jobs`, { method, headers }, (response) => {
        response.resume()
        resolve(response.statusCode)
      })
      request.on('error', reject).end(body)
    })
  for (const method of ['GET', 'HEAD'])
    for (const key of [{}, bearer]) {
      expect(await send(method, { ...key, 'content-length': '2' }, '{}')).toBe(422)
      expect(await send(method, { ...key, 'transfer-encoding': 'chunked' }, '{}')).toBe(422)
      expect(await send(method, { ...key, 'content-length': '0' }, '')).toBe(200)
    }
})

test.runIf(process.platform === 'linux')(
  'descriptors used up: a file of the window is closed though nobody reads it',
  async () => {
    const dir = await realpath(await mkdtemp(join(tmpdir(), 'renderer-')))
    await writeFile(join(dir, 'large.js'), Buffer.alloc(2 ** 22, ' '))
    await network.dispose()
    const address = new URL(await open(dir))
    const opened = () =>
      readdirSync('/proc/self/fd').filter((fd) => {
        try {
          return readlinkSync(`/proc/self/fd/${fd}`).startsWith(dir)
        } catch {
          return false // closed since it was listed
        }
      }).length
    for (let i = 0; i < 5; i++) {
      const head = await fetch(`${address}large.js`, { method: 'HEAD' })
      expect(head.headers.get('content-length')).toBe(String(2 ** 22))
    }
    for (let i = 0; i < 20; i++) {
      const socket = connect(Number(address.port), '127.0.0.1')
      await once(socket, 'connect')
      socket.write(`GET /large.js HTTP/1.1\r\nHost: ${address.host}\r\n\r\n`)
      await new Promise(setImmediate)
      socket.resetAndDestroy()
    }
    expect((await (await fetch(`${address}large.js`)).arrayBuffer()).byteLength).toBe(2 ** 22)
    await expect.poll(opened).toBe(0)
    await rm(dir, { recursive: true })
  },
)

test('memory blow-up: bodies that are held take no more than a share each, and give it back when they are read', async () => {
  const port = Number(new URL(url).port)
  const begin = async () => {
    const request = httpRequest({
      port,
      path: '/api/jobs',
      method: 'POST',
      headers: { ...bearer, 'content-length': 60 * 2 ** 20 },
    })
    const answer = once(request, 'response').then(
      ([response]) => Number(response.resume().statusCode),
      () => 'closed',
    )
    request.on('error', () => undefined)
    await new Promise((resolve) => request.write(Buffer.alloc(50 * 2 ** 20), resolve))
    return { request, answer }
  }
  const first = await begin()
  const second = await begin()
  const third = await begin()
  expect([429, 'closed']).toContain(await third.answer)
  first.request.end(Buffer.alloc(10 * 2 ** 20))
  expect(await first.answer).toBe(200)
  second.request.destroy()
  const last = await begin()
  last.request.end(Buffer.alloc(10 * 2 ** 20))
  expect(await last.answer).toBe(200)
}, 60_000)

test('memory blow-up: the bodies of calls that wait for their answers take no more than a share', async () => {
  const body = Buffer.alloc(60 * 2 ** 20)
  const submit = (path: string, signal?: AbortSignal) =>
    fetch(`${url}${path}`, { method: 'POST', headers: bearer, body, ...(signal && { signal }) })
  const leaving = new AbortController()
  const waiting = [await submit('/api/jobs?live', leaving.signal), await submit('/api/jobs?live')]
  expect(waiting.map(({ status }) => status)).toEqual([200, 200])
  expect((await submit('/api/jobs')).status).toBe(429)
  const small = await fetch(`${url}/api/jobs`, { method: 'POST', headers: bearer, body: '{}' })
  expect(small.status).toBe(200)
  leaving.abort()
  await expect.poll(async () => (await submit('/api/jobs')).status).toBe(200)
  await waiting[1]?.body?.cancel()
}, 60_000)

test('memory blow-up: who does not read the answers gets no more of them', async () => {
  const port = Number(new URL(url).port)
  const unread = async () => {
    const socket = connect(port, '127.0.0.1').pause()
    await once(socket, 'connect')
    socket.write(`GET /api/large HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAuthorization: Bearer ${KEY}\r\n\r\n`)
    return socket
  }
  const status = async () => (await fetch(`${url}/api/x`, { headers: bearer })).status
  const open = [await unread(), await unread()]
  expect(await status()).toBe(200)
  open.push(await unread())
  await expect.poll(status).toBe(429)
  expect((await fetch(`${url}/api/x`)).status).toBe(200)
  for (const socket of open) socket.destroy()
  await expect.poll(status).toBe(200)
}, 60_000)

test('key kept alive: what is open ends when its key is revoked, and when it expires', async () => {
  const open = async () => {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/rpc`, { headers: bearer })
    const closed = once(socket, 'close')
    await once(socket, 'message')
    const live = (await fetch(`${url}/api/endpoints/live`, { headers: bearer })).body?.getReader()
    await live?.read()
    return async () => {
      await closed
      await expect(live?.read()).rejects.toThrow()
    }
  }
  const first = await open()
  changedPrincipals.fire()
  expect(await Promise.race([first(), new Promise((resolve) => setTimeout(resolve, 100, 'open'))])).toBe(
    'open',
  )
  revoked = true
  changedPrincipals.fire()
  await first()

  revoked = false
  expiresAt = new Date(clock.now() + 3_600_000).toISOString()
  changedPrincipals.fire()
  const second = await open()
  clock.advance(3_600_000)
  await second()
})
