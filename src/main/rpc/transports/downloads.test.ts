import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Caller } from '../../security'
import type { Modules } from '../modules'
import { matchDownload, parseRange } from './downloads'

test('ranges of RFC 9110', () => {
  expect(parseRange('bytes=0-3', 10)).toEqual({ start: 0, end: 3 })
  expect(parseRange('bytes=4-', 10)).toEqual({ start: 4, end: 9 })
  expect(parseRange('bytes=-3', 10)).toEqual({ start: 7, end: 9 })
  expect(parseRange('bytes=-30', 10)).toEqual({ start: 0, end: 9 })
  expect(parseRange('bytes=8-100', 10)).toEqual({ start: 8, end: 9 })
  expect(parseRange('bytes=10-', 10)).toBe('unsatisfiable')
  expect(parseRange('bytes=-0', 10)).toBe('unsatisfiable')
  for (const ignored of ['bytes=', 'bytes=5-2', 'bytes=0-1,3-4', 'items=0-1', 'bytes=a-b'])
    expect(parseRange(ignored, 10)).toBeNull()
})

test('whatever the header, the range lies within the file', () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(), fc.integer({ min: 0, max: 1e6 }), (a, b, size) => {
      for (const header of [`bytes=${a}-${b}`, `bytes=${a}-`, `bytes=-${b}`]) {
        const range = parseRange(header, size)
        if (range && range !== 'unsatisfiable') {
          expect(range.start).toBeLessThanOrEqual(range.end)
          expect(range.end).toBeLessThan(size)
        }
      }
    }),
  )
})

test('a range of a HEAD means nothing (RFC 9110, 14.2)', async () => {
  const modules = {
    security: { authorize: () => undefined },
    storage: { getFile: () => ({ digest: 'd', sizeBytes: 10 }) },
  } as unknown as Modules
  const url = 'http://127.0.0.1/api/models/net/versions/1/files/net.onnx'
  for (const range of ['bytes=0-1', 'bytes=20-']) {
    const download = matchDownload(new Request(url, { method: 'HEAD', headers: { range } }))
    const answer = await download?.({ caller: {} as Caller, modules })
    expect([answer?.status, answer?.headers.get('content-length')]).toEqual([200, '10'])
  }
})
