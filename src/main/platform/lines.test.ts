import fc from 'fast-check'
import { expect, it } from 'vitest'
import { LineSplitter, MAX_LINE } from './lines'

function split(pieces: readonly string[]): string[] {
  const lines: string[] = []
  const splitter = new LineSplitter((line) => lines.push(line))
  for (const piece of pieces) splitter.push(piece)
  splitter.end()
  return lines
}

it('gives the same lines however the text is cut', () => {
  const text = fc.array(fc.constantFrom('a', 'bc', '\n', '\r\n', ' '), { maxLength: 40 })
  fc.assert(
    fc.property(text, (pieces) => {
      const lines = pieces
        .join('')
        .split(/\r?\n/)
        .filter((line) => line !== '')
      expect(split(pieces)).toEqual(lines)
    }),
  )
})

it('keeps the beginning of a line that is too long, and the lines after it', () => {
  const lines = split(['x'.repeat(MAX_LINE - 1), 'y'.repeat(10), 'z'.repeat(1e6), '\nnext'])
  expect(lines).toEqual([`${'x'.repeat(MAX_LINE - 1)}y`, 'next'])
})
