import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
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
    ['9007199254740991', 9_007_199_254_740_991],
    ['9007199254740993', '9007199254740993'],
    ['-1234567890123456789', '-1234567890123456789'],
    ['1e20', 1e20],
  ])('%j', (text, value) => {
    expect(fromText(text)).toBe(value)
  })

  it('is found in no time, however many digits it has', () => {
    // A pattern that tries each beginning of the digits would take longer than a test may.
    const digits = `${'1'.repeat(400_000)}x`
    expect(fromText(digits)).toBe(digits)
  })
})

describe('the profile of a table', () => {
  it('keeps little of long texts', async () => {
    const { profile, heldMib } = await measured(['text'], 2_000, (row) => ({
      text: `${row} `.padEnd(50_000, 'x'),
    }))
    expect(profile.columns[0]).toMatchObject({ distinct: 2_000 })
    expect(heldMib).toBeLessThan(20)
  })

  it.each([
    ['a text', 'x'.repeat(8_000_000)],
    ['a text that is longer as JSON', '"'.repeat(4_000_000)],
    ['a tensor', { dtype: 'uint8' as const, shape: [6_000_000], base64: 'A'.repeat(8_000_000) }],
  ])('refuses a row that could never be read whole, of %s', async (_, cell) => {
    const rows = [{ a: 1 }, { a: cell }]
    await expect(profileOf(tableOf(['a'], rows), () => undefined)).rejects.toThrow(
      /^Row 2 is too long: .* 8,000,000 characters/,
    )
  })

  it('keeps large integers as the texts they are, and a column of them', async () => {
    const rows = [{ id: '1' }, { id: '1234567890123456789' }]
    const table = { ...tableOf(['id'], rows), isText: true }
    expect((await profileOf(table, () => undefined)).columns[0]).toMatchObject({
      type: 'string',
      distinct: 2,
    })
  })

  it('keeps for all columns together no more than it has room for', async () => {
    const names = Array.from({ length: 768 }, (_, column) => `c${column}`)
    const { profile, heldMib } = await measured(names, 3_000, (row) =>
      Object.fromEntries(names.map((name, column) => [name, (row * 768 + column) / 7_919])),
    )
    expect(profile.columns).toHaveLength(768)
    for (const { type, distinct, bins } of profile.columns) {
      expect([type, distinct]).toEqual(['number', null])
      expect(bins.every((count) => count > 0)).toBe(true)
    }
    expect(heldMib).toBeLessThan(100)
  })

  it('draws also a column that comes when there is no more room', async () => {
    const names = Array.from({ length: 1_000 }, (_, column) => `c${column}`)
    const { profile } = await measured(names, 2_300, (row) => {
      const cells = Object.fromEntries(names.map((name) => [name, row]))
      return row < 1_700 ? cells : { ...cells, late: row }
    })
    expect(profile.columns.at(-1)).toMatchObject({ name: 'late', nulls: 1_700, min: 1_700, max: 2_299 })
    expect(profile.columns.at(-1)?.bins.reduce((sum, count) => sum + count)).toBe(500)
  })
})

/** @returns the profile, and what it held in memory at the last row */
async function measured(columns: readonly string[], count: number, rowOf: (row: number) => RawRow) {
  let heldMib = 0
  function* rows() {
    const before = usedMib()
    for (let row = 0; row < count; row++) {
      yield rowOf(row)
      if (row === count - 2) heldMib = usedMib() - before
    }
  }
  const profile = await profileOf(tableOf(columns, rows()), () => undefined)
  return { profile, heldMib }
}

function usedMib(): number {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  return process.memoryUsage().heapUsed / 2 ** 20
}
