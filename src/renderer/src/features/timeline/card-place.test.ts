import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { cardAt, topToSee } from './card-place'
import { AXIS, ROW } from './draw'

const CARD_HEIGHT = 150
const BOX = 460

it('brings any bar with its card into sight, and moves nothing where they are', () => {
  return fc.assert(
    fc.property(fc.integer({ min: 24, max: 200 }), fc.nat(), fc.nat(), (rows, row, scrolled) => {
      const height = AXIS + rows * ROW
      const y = AXIS + (row % rows) * ROW
      const before = scrolled % (height - BOX + 1)
      const from = topToSee(y, { from: before, to: before + BOX }, height)
      expect(from).toBeGreaterThanOrEqual(0)
      expect(from).toBeLessThanOrEqual(height - BOX)
      const seen = { from, to: from + BOX }
      expect(topToSee(y, seen, height)).toBe(from)
      const place = cardAt({ x: 0, y, seen }, 800, height)
      const top = place.top ?? height - (place.bottom ?? 0) - CARD_HEIGHT
      for (const [begin, end] of [
        [y, y + ROW],
        [top, top + CARD_HEIGHT],
      ] as const) {
        expect(begin).toBeGreaterThanOrEqual(seen.from)
        expect(end).toBeLessThanOrEqual(seen.to)
      }
    }),
  )
})

it('puts the card of a bar at the lower edge of what is seen above it', () => {
  const y = 400
  const inSight = cardAt({ x: 0, y, seen: { from: 0, to: BOX } }, 800, 2_000)
  expect(inSight).toMatchObject({ bottom: 2_000 - y + 4 })
  expect(cardAt({ x: 0, y, seen: { from: 200, to: 660 } }, 800, 2_000)).toMatchObject({ top: y + ROW })
})
