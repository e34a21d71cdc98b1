import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterAll, expect, it } from 'vitest'
import { FIXTURES } from '../../testing/fixtures'
import { scratch } from '../../testing/scratch'
import { tflite } from '../../testing/tflite-builder'
import { inspect } from '../inspect'

const root = mkdtempSync(join(tmpdir(), 'llmagentos-damage-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const fixture = (name: string) => readFileSync(join(FIXTURES, name))
it.each([
  ['checkpoint.pth', fixture('torch/checkpoint.pth')],
  ['legacy-4.pth', fixture('torch/legacy-4.pth')],
  ['arrays-5.pkl', fixture('torch/arrays-5.pkl')],
  ['told.pt', fixture('torch/told.pt')],
  ['flowers.h5', fixture('keras/flowers.h5')],
  ['flowers.keras', fixture('keras/flowers.keras')],
  ['saved_model.pb', fixture('keras/flowers-saved/saved_model.pb')],
  ['w.tflite', tflite({ secondInputs: [0], buffer: { offset: 64, size: 32 }, behind: Buffer.alloc(99) })],
])('%s: whatever is damaged, it gets a verdict that says why', async (name, good) => {
  const path = join(root, name)
  const damage = fc.record({
    flips: fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 12 }),
    copies: fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(good.length - 1), fc.nat(40)), {
      maxLength: 3,
    }),
    end: fc.oneof(fc.constant(good.length), fc.nat(good.length)),
  })
  await fc.assert(
    fc.asyncProperty(damage, async ({ flips, copies, end }) => {
      const bad = Buffer.from(good)
      for (const [from, to, length] of copies) good.copy(bad, to, from, Math.min(good.length, from + length))
      for (const [at, byte] of flips) bad[at] = byte
      writeFileSync(path, bad.subarray(0, end))
      const { outcome, findings } = await inspect({ kind: 'path', path }, scratch())
      if (outcome === 'rejected') expect(findings[0]?.message).toMatch(/^[A-Z"].{10,}\.$/s)
    }),
    { numRuns: 150 },
  )
})
