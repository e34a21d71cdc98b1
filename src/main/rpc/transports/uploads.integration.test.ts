import { once } from 'node:events'
import { createServer, request as httpRequest, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { Import } from '../../../shared/contract'
import type { ImportId, PrincipalId } from '../../../shared/domain/ids'
import type { Caller } from '../../security'
import type { Storage } from '../../storage'
import { ANNA, type Bench, createBench, settled } from '../../storage/testing/harness'
import type { Modules } from '../modules'
import { upload } from './uploads'

const FORM = { 'content-type': 'multipart/form-data; boundary=B' }
const part = (path: string) =>
  `--B\r\nContent-Disposition: form-data; name="file"; filename="${path}"\r\n\r\nx\r\n`

let bench: Bench
let storage: Storage
let server: Server

beforeEach(async () => {
  bench = await createBench({ withWorker: false })
  storage = (await bench.open()).storage
  const security = { authorize: () => undefined, allows: () => true }
  const modules = { security, storage } as unknown as Modules
  server = createServer((incoming, outgoing) => {
    const request = new Request('http://localhost/api/imports', { method: 'POST', headers: FORM })
    const caller = { principal: ANNA } as Caller
    void upload({ request, caller, incoming, modules }).then(async (response) =>
      outgoing.writeHead(response.status).end(await response.text()),
    )
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
})
afterEach(async () => {
  server.closeAllConnections()
  server.close()
  await bench.dispose()
})

/** A form whose end is still to come. */
function begin(headers: Record<string, string | number> = {}) {
  const { port } = server.address() as AddressInfo
  const request = httpRequest({ port, method: 'POST', headers: { ...FORM, ...headers } })
  const answer = once(request, 'response').then(
    async ([response]) => JSON.parse(await text(response)) as Import,
  )
  return { request, answer }
}

it('an upload of more files than an import takes is refused, not cut', async () => {
  const { request, answer } = begin()
  request.end(`${Array.from({ length: 10_001 }, (_, i) => part(`m/${i}`)).join('')}--B--\r\n`)
  const { state, findings } = await settled(storage, (await answer).id)
  expect(state).toBe('rejected')
  expect(findings).toMatchObject([{ message: expect.stringContaining('more than 10000 files') }])
}, 120_000)

it('an upload that the disk has no room for is answered, before any of its files has come', async () => {
  const { request, answer } = begin({ 'content-length': 2 ** 50 })
  request.flushHeaders()
  expect(await answer).toMatchObject({ state: 'failed', error: { code: 'storage.disk_full' } })
  request.destroy()
})

it('an upload that is cancelled before its first file is answered', async () => {
  const started = new Promise<Import>((resolve) => {
    const stop = storage.onDidChangeImports(({ changed: [view] }) => {
      stop()
      if (view) resolve(view)
    })
  })
  const { request, answer } = begin()
  request.flushHeaders()
  await storage.cancelImport((await started).id as ImportId)
  expect(await answer).toMatchObject({ state: 'cancelled' })
  request.destroy()
})

it('an upload of bytes without a name is refused by its path', async () => {
  const { request, answer } = begin()
  const nameless =
    '--B\r\nContent-Disposition: form-data; name="file"\r\nContent-Type: application/octet-stream\r\n\r\nx\r\n'
  request.end(`${nameless}--B--\r\n`)
  const { state, error } = await settled(storage, (await answer).id)
  expect({ state, error }).toEqual({ state: 'rejected', error: null })
})

it('memory blow-up: one principal has so many imports on their way, and another once one has ended', async () => {
  const start = (by: PrincipalId) =>
    storage.startImport({ kind: 'upload', bytesTotal: 0, files: neverComing() }, by)
  const started: Import[] = []
  for (let i = 0; i < 500; i++) started.push(await start(ANNA))
  await expect(start(ANNA)).rejects.toMatchObject({ code: 'network.rate_limited' })
  started.push(await start('bert' as PrincipalId))
  await storage.cancelImport(started[0]?.id as ImportId)
  started.push(await start(ANNA))
  for (const { id } of started) await storage.cancelImport(id as ImportId)
}, 120_000)

async function* neverComing(): AsyncGenerator<never> {
  await new Promise(() => undefined)
}
