import { EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import pino from 'pino'
import { beforeEach, expect, it } from 'vitest'
import type { PrincipalId } from '../../../shared/domain/ids'
import type { Caller } from '../../security'
import type { Modules } from '../modules'
import type { Router } from '../router'
import type { JsonBodies } from './json-body'
import { createRestTransport, type RestTransport } from './rest'

const modules = {
  security: { authorize: () => undefined },
  storage: { getFile: () => ({ digest: 'd', sizeBytes: 10 }) },
} as unknown as Modules

let rest: RestTransport
beforeEach(() => {
  const logger = pino({ level: 'silent' })
  rest = createRestTransport({} as Router, modules, logger, '1.0.0', {} as JsonBodies)
})

async function call(path: string, method: string, principal: string, headers = {}) {
  const outgoing = new EventEmitter()
  const incoming = { method, url: path, headers, socket: {} } as unknown as IncomingMessage
  const caller = { principal: principal as PrincipalId } as Caller
  const response = await rest(new Request(`http://127.0.0.1${path}`, { method }), caller, {
    incoming,
    outgoing: outgoing as ServerResponse,
    body: null,
    onRead: () => undefined,
  })
  return {
    status: response?.status,
    text: async () => String(await response?.text()),
    close: () => outgoing.emit('close'),
  }
}

it('descriptors used up: one principal has so many files open, and another once one is closed', async () => {
  const download = (by: string) => call('/api/models/net/versions/1/files/net.onnx', 'HEAD', by)
  const open = [await download('notes-app')]
  while (open.length < 256) open.push(await download('notes-app'))
  expect(open.at(-1)?.status).toBe(200)
  expect((await download('notes-app')).status).toBe(429)
  expect((await download('other-app')).status).toBe(200)
  open[0]?.close()
  expect((await download('notes-app')).status).toBe(200)
})

it('a media type is the same in capitals', async () => {
  const post = async (type: string) =>
    (await call('/api/x', 'POST', 'notes-app', { 'content-type': type })).status
  expect(await post('text/plain')).toBe(422)
  expect(await post('Application/JSON')).toBe(404)
})

it('the OpenAPI document tells what lists and records hold, though they are read in their own way', async () => {
  const { paths } = JSON.parse(await (await call('/api/openapi.json', 'GET', 'notes-app')).text())
  const [infer] = paths['/jobs'].post.requestBody.content['application/json'].schema.anyOf
  expect(infer.required).toEqual(['kind', 'model', 'inputs'])
  expect(infer.properties).toMatchObject({
    dependsOn: { type: 'array', items: { type: 'string' }, maxItems: 1000, default: [] },
    labels: { type: 'object', additionalProperties: { type: 'string', maxLength: 256 } },
    inputs: { type: 'object', additionalProperties: { anyOf: expect.any(Array) } },
  })
})
