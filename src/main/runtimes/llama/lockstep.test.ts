import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Lockstep } from './lockstep'

it('each step is taken by all that have not ended, whoever is slow', async () => {
  const texts = fc.array(fc.record({ steps: fc.nat(6), turns: fc.nat(4) }), { minLength: 1, maxLength: 5 })
  await fc.assert(
    fc.asyncProperty(texts, async (some) => {
      const lockstep = new Lockstep(some.length)
      const taken: number[][] = []
      await Promise.all(
        some.map(async ({ steps, turns }, text) => {
          for (let step = 0; step < steps; step++) {
            for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve))
            expect(await lockstep.next(text)).toBe(true)
            taken[step] = [...(taken[step] ?? []), text]
          }
          lockstep.leave(text)
        }),
      )
      const longest = Math.max(...some.map(({ steps }) => steps))
      const expected = Array.from({ length: longest }, (_, step) =>
        some.flatMap(({ steps }, text) => (steps > step ? [text] : [])),
      )
      expect(taken).toEqual(expected)
    }),
  )
})

it('stands still when it is closed', async () => {
  const lockstep = new Lockstep(2)
  const first = lockstep.next(0)
  lockstep.close()
  expect(await first).toBe(false)
  expect(await lockstep.next(1)).toBe(false)
})
