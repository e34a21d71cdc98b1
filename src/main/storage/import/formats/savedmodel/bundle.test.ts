import { cpSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { FIXTURES } from '../../../testing/fixtures'
import { scratch } from '../../../testing/scratch'
import { type Inspection, inspect } from '../../inspect'

const SAVED = join(FIXTURES, 'keras/flowers-saved')
const INDEX = 'variables/variables.index'
const SHARD = 'variables/variables.data-00000-of-00001'
const root = mkdtempSync(join(tmpdir(), 'llmagentos-bundle-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

let serial = 0
function copy(): string {
  const folder = join(root, String(serial++))
  cpSync(SAVED, folder, { recursive: true })
  return folder
}
const inspected = (path: string) => inspect({ kind: 'path', path }, scratch())

function readable(inspection: Inspection): Extract<Inspection, { outcome: 'readable' }> {
  if (inspection.outcome !== 'readable') throw new Error(inspection.findings[0]?.message)
  return inspection
}

describe('the weights of a SavedModel', () => {
  it('are listed once, without the state of its random generator', async () => {
    const found = readable(await inspected(SAVED))
    expect(found.tensors.map(({ name, dtype, shape }) => `${name} ${dtype} [${shape}]`)).toEqual([
      'variables/0 float32 [4,5]',
      'variables/1 float32 [5]',
      'variables/2 float32 [5]',
      'variables/3 float32 [5]',
      'variables/4 float32 [5]',
      'variables/5 float32 [5]',
      'variables/7 float32 [5,3]',
      'variables/8 float32 [3]',
    ])
    // What Keras's own count_params says.
    expect(found.metadata).toMatchObject({ parameters: 63, precision: 'float32' })
  })

  it('are refused when their file was cut short', async () => {
    const folder = copy()
    truncateSync(join(folder, SHARD), 100)
    expect(await inspected(folder)).toMatchObject({
      outcome: 'rejected',
      findings: [{ code: 'storage.incomplete', file: SHARD }],
    })
  })

  it('are not known when their index is damaged, and the model says so', async () => {
    const folder = copy()
    truncateSync(join(folder, INDEX), 500)
    const found = readable(await inspected(folder))
    expect(found.findings.map(({ code }) => code)).toContain('storage.no_tensors')
    expect(found.metadata).not.toHaveProperty('parameters')
  })

  it('whatever is damaged in their index, reading it ends soon and well', () => {
    const folder = copy()
    const good = readFileSync(join(folder, INDEX))
    const damage = fc.record({
      flips: fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 12 }),
      copies: fc.array(fc.tuple(fc.nat(good.length - 32), fc.nat(good.length - 32)), { maxLength: 2 }),
      begin: fc.oneof(fc.constant(0), fc.nat(good.length)),
    })
    return fc.assert(
      fc.asyncProperty(damage, async ({ flips, copies, begin }) => {
        const bad = Buffer.from(good)
        for (const [at, byte] of flips) bad[at] = byte
        for (const [from, to] of copies) good.copy(bad, to, from, from + 32)
        // From the front, so that the end still says that it is a table.
        writeFileSync(join(folder, INDEX), bad.subarray(begin))
        const inspection = await inspected(folder)
        if (inspection.outcome === 'rejected')
          expect(inspection.findings).toMatchObject([{ code: 'storage.incomplete' }])
        else if (inspection.outcome === 'readable')
          for (const { shape } of inspection.tensors) expect(shape.every(Number.isSafeInteger)).toBe(true)
      }),
      { numRuns: 500 },
    )
  })
})
