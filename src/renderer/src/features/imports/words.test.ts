import type { Finding, Import } from '@shared/contract'
import { expect, it } from 'vitest'
import { becomes, helpFor, knownElsewhere, landing, reasonOf, sortFindings } from './words'

const finding = (severity: Finding['severity'], code: Finding['code'] = 'storage.unsafe'): Finding => ({
  severity,
  code,
  message: `${severity} ${code}`,
  file: 'a.onnx',
})

function importWith(changes: Partial<Import>): Import {
  return {
    id: 'imp-1',
    state: 'completed',
    source: 'a.onnx',
    bytesDone: 1,
    bytesTotal: 1,
    verdict: 'accept',
    findings: [],
    kind: 'model',
    suggestion: null,
    dataset: null,
    model: null,
    version: null,
    known: false,
    error: null,
    createdAt: '2026-01-01T00:00:00.000Z',
    finishedAt: null,
    createdBy: 'owner',
    ...changes,
  }
}

it('leads to the model or the data set that an import became', () => {
  expect(landing(importWith({ model: 'net', version: 2 }))?.to).toBe('/models/net/2')
  expect(landing(importWith({ dataset: 'rows', version: 1 }))?.to).toBe('/data/rows/1')
  expect(landing(importWith({ state: 'waiting', model: 'net', version: 2 }))).toBeNull()
})

it('tells what a version would be under each name', () => {
  const suggestion = { name: 'net', family: null, version: 2, knownAs: [] }
  expect(becomes('net', suggestion, { versions: [1, 2, 3], latest: 3 })).toEqual({
    kind: 'known',
    version: 2,
  })
  expect(becomes('net', { ...suggestion, version: 4 }, { versions: [1, 3], latest: 3 })?.kind).toBe('new')
  expect(becomes('other', suggestion, undefined)).toEqual({ kind: 'new', version: 1 })
  expect(becomes('other', suggestion, { versions: [1], latest: 1 })).toEqual({ kind: 'new', version: 2 })
  // Its versions were deleted, their numbers are not given again.
  expect(becomes('net', suggestion, undefined)).toEqual({ kind: 'new', version: 2 })
  expect(becomes('net', { ...suggestion, version: null }, undefined)).toBeNull()
})

it('says under which other names the same bytes are', () => {
  const knownAs = [
    { model: 'a', version: 1 },
    { model: 'b', version: 3 },
  ]
  const suggestion = { name: 'net', family: null, version: 1, knownAs }
  expect(knownElsewhere('net', suggestion)).toBe('a@1, b@3')
  expect(knownElsewhere('a', suggestion)).toBe('b@3')
  expect(becomes('b', suggestion, { versions: [1, 3], latest: 3 })).toEqual({ kind: 'known', version: 3 })
  expect(knownElsewhere('net', { ...suggestion, knownAs: [] })).toBeNull()
})

it('puts the gravest finding first and explains a refusal by it', () => {
  const findings = [finding('info'), finding('warn'), finding('reject')]
  expect(sortFindings(findings).map(({ severity }) => severity)).toEqual(['reject', 'warn', 'info'])
  expect(reasonOf(importWith({ state: 'rejected', findings }))).toBe('reject storage.unsafe')
  const error = { code: 'storage.disk_full', message: 'full', details: {} } as const
  expect(reasonOf(importWith({ state: 'failed', error }))).toBe('full')
})

it('advises once for each cause, and not for what is only good to know', () => {
  const findings = [finding('reject'), finding('warn', 'storage.pickle'), finding('info', 'storage.corrupt')]
  expect(helpFor(importWith({ findings }))).toEqual(['source', 'safetensors'])
  const error = { code: 'storage.hub_unreachable', message: 'no', details: {} } as const
  expect(helpFor(importWith({ error }))).toEqual(['network'])
})
