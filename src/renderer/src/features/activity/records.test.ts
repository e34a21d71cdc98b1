import type { AuditRecord } from '@shared/contract'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { filterRecords, holdBack, mergeRecords, NO_FILTER, reasonOf, sentenceOf } from './records'

const record = (number: number, patch: Partial<AuditRecord> = {}): AuditRecord => ({
  id: `audit-${number}`,
  at: new Date(Date.UTC(2026, 0, 1) + number * 1000).toISOString(),
  principal: 'notes-app',
  principalName: 'Notes App',
  action: 'model.run',
  resource: 'ModelRef::"silero-vad@production"',
  decision: 'allow',
  policies: ['notes-silero'],
  via: 'http',
  summary: 'Notes App submitted a job (infer) for silero-vad@production',
  hash: '0'.repeat(64),
  ...patch,
})
const ids = (records: readonly AuditRecord[]) => records.map(({ id }) => Number(id.slice(6)))

describe('mergeRecords', () => {
  it('has every record once, newest first, from whatever parts', () => {
    const part = fc.array(fc.nat(400), { maxLength: 60 })
    fc.assert(
      fc.property(part, part, (a, b) => {
        const merged = mergeRecords(
          a.map((n) => record(n)),
          b.map((n) => record(n)),
        )
        expect(ids(merged)).toEqual([...new Set([...a, ...b])].sort((x, y) => y - x))
      }),
    )
  })

  it('keeps the order of the log when the clock was set back', () => {
    const at = new Date(Date.UTC(2020, 0, 1)).toISOString()
    expect(ids(mergeRecords([record(9), record(10, { at })]))).toEqual([10, 9])
  })
})

describe('filterRecords', () => {
  const records = [
    record(3, { decision: 'deny', policies: [], summary: 'Notes App was denied model.run on ppocr-rec@5' }),
    record(2, {
      principal: 'marie',
      action: 'policy.manage',
      summary: 'marie saved the policy notes-silero',
    }),
    record(1),
  ]
  it('narrows by each field, and by all words of a text', () => {
    expect(ids(filterRecords(records, NO_FILTER))).toEqual([3, 2, 1])
    expect(ids(filterRecords(records, { ...NO_FILTER, decision: 'deny' }))).toEqual([3])
    expect(ids(filterRecords(records, { ...NO_FILTER, principal: 'marie' }))).toEqual([2])
    expect(ids(filterRecords(records, { ...NO_FILTER, action: 'model.run' }))).toEqual([3, 1])
    expect(ids(filterRecords(records, { ...NO_FILTER, text: '  Silero   INFER' }))).toEqual([1])
    expect(ids(filterRecords(records, { ...NO_FILTER, text: 'silero nobody' }))).toEqual([])
  })
})

describe('holdBack', () => {
  it('holds what came after the record at the top', () => {
    const records = [record(5), record(4), record(3)]
    expect(holdBack(records, 'audit-4')).toEqual({ shown: records.slice(1), newer: 1 })
    expect(holdBack(records, 'audit-5').newer).toBe(0)
    expect(holdBack(records, null)).toEqual({ shown: records, newer: 0 })
  })

  it('shows everything when that record is not in the list', () => {
    expect(holdBack([record(5)], 'audit-1')).toEqual({ shown: [record(5)], newer: 0 })
  })
})

describe('sentenceOf', () => {
  it('leaves out the name that stands beside it', () => {
    expect(sentenceOf(record(1))).toBe('submitted a job (infer) for silero-vad@production')
    expect(sentenceOf({ principalName: 'eve', summary: 'A sign-in as eve failed' })).toBe(
      'A sign-in as eve failed',
    )
  })
})

describe('reasonOf', () => {
  it('tells what nobody permitted from what the system says of it', () => {
    const why = (summary: string) => reasonOf({ summary, action: 'model.run' })
    expect(why('A was denied model.run on m@5: no policy permits it')).toEqual({ kind: 'nothing' })
    expect(why('A was denied model.run on m@5: no policy permits it (tried: submitted a job: x)')).toEqual({
      kind: 'nothing',
    })
    expect(why('A was denied model.run on m@5: the key was revoked or has expired')).toEqual({
      kind: 'words',
      words: 'the key was revoked or has expired',
    })
  })
})
