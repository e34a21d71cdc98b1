import { describe, expect, it } from 'vitest'
import type { Column } from '../../../shared/contract'
import { fromText, profileOf } from './profile'
import type { RawRow, Table } from './table'

function tableOf(columns: readonly string[], rows: Iterable<RawRow>): Table {
  return {
    columns: columns.map((name) => ({ name, type: null })),
    isText: false,
    rows: null,
    async *read() {
      for (const row of rows) yield { row, at: null }
    },
    bytesRead: () => 0,
  }
}

describe('what a text says', () => {
  it.each([
    ['12', 12],
    [' -3.5 ', -3.5],
    ['4.', 4],
    ['.5e2', 50],
    ['TRUE', true],
    ['', ''],
    ['1.2.3', '1.2.3'],
    ['0x10', '0x10'],
    ['1e999', '1e999'],
  ])('%j', (text, value) => {
    expect(fromText(text)).toBe(value)
  })

  it('is found in no time, however many digits it has', () => {
    const digits = `${'1'.repeat(40_000)}x`
    const began = performance.now()
    expect(fromText(digits)).toBe(digits)
    expect(performance.now() - began).toBeLessThan(100)
  })
})

describe('the profile of a table', () => {
  it('keeps little of long texts', async () => {
    function* rows() {
      for (let i = 0; i < 2_000; i++) yield { text: `${i} `.padEnd(50_000, 'x') }
    }
    global.gc?.()
    const profile = await profileOf(tableOf(['text'], rows()), () => undefined)
    expect(profile.columns[0]).toMatchObject({ distinct: 2_000 })
  })
})
