import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve, sep } from 'node:path'
import * as fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { model, plainGraph, tensor } from '../testing/onnx-builder'
import { scratch } from '../testing/scratch'
import { inspect } from './inspect'
import { Rejection } from './rejection'
import { assertSafePath, openSource } from './source'

const root = mkdtempSync(join(tmpdir(), 'llmagentos-source-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

function folder(name: string): string {
  const path = join(root, name)
  mkdirSync(path)
  return path
}

/** Windows lets only administrators make links. */
const linksWork = process.platform !== 'win32'

describe('assertSafePath', () => {
  it('lets no path out of the folder', async () => {
    const part = fc.oneof(
      fc.constantFrom('..', '.', '', '/', '\\', 'C:', '~', '\0', '...'),
      fc.string({ maxLength: 5 }),
    )
    return fc.assert(
      fc.property(fc.array(part, { maxLength: 5 }), fc.constantFrom('/', '\\', ''), (parts, joint) => {
        const path = parts.join(joint)
        try {
          assertSafePath(path, 'f')
        } catch (error) {
          expect(error).toBeInstanceOf(Rejection)
          return
        }
        expect(resolve('/models/m', path).startsWith(`${resolve('/models/m')}${sep}`)).toBe(true)
        expect(path).not.toMatch(/\\|\0/)
      }),
      { numRuns: 2000 },
    )
  })

  it.each(['w.bin', 'a/b/c.bin', 'group1-shard1of2', 'a b/..c', '模型.bin'])('takes %s', (path) => {
    expect(() => assertSafePath(path, 'f')).not.toThrow()
  })
})

describe('openSource', () => {
  it.runIf(linksWork)('follows a link at the top, none inside', async () => {
    const outside = folder('outside')
    writeFileSync(join(outside, 'w.bin'), Buffer.alloc(16))
    const inside = folder('inside')
    const graph = [...plainGraph(), tensor('w', [4], { external: { location: 'w.bin' } })]
    writeFileSync(join(inside, 'model.onnx'), model({ graph }))
    symlinkSync(join(outside, 'w.bin'), join(inside, 'w.bin'))
    symlinkSync(inside, join(root, 'top'))
    expect(await inspect({ kind: 'path', path: join(root, 'top') }, scratch())).toMatchObject({
      outcome: 'rejected',
      findings: [{ code: 'storage.unsafe', message: expect.stringContaining('link'), file: 'w.bin' }],
    })
    rmSync(join(inside, 'w.bin'))
    writeFileSync(join(inside, 'w.bin'), Buffer.alloc(16))
    const followed = await inspect({ kind: 'path', path: join(root, 'top') }, scratch())
    expect(followed).toMatchObject({ outcome: 'readable', folder: 'top' })
  })

  it.runIf(linksWork)('does not look through a linked folder', async () => {
    const outside = folder('outside2')
    writeFileSync(join(outside, 'w.bin'), Buffer.alloc(16))
    const inside = folder('inside2')
    const graph = [...plainGraph(), tensor('w', [4], { external: { location: 'data/w.bin' } })]
    writeFileSync(join(inside, 'model.onnx'), model({ graph }))
    symlinkSync(outside, join(inside, 'data'))
    const inspection = await inspect({ kind: 'path', path: inside }, scratch())
    expect(inspection).toMatchObject({ outcome: 'rejected', findings: [{ code: 'storage.unsafe' }] })
    expect(openSource({ kind: 'path', path: inside }).passedOver).toEqual(['data'])
  })

  it.runIf(linksWork)('refuses what is neither file nor folder', async () => {
    expect(await inspect({ kind: 'path', path: '/dev/null' }, scratch())).toMatchObject({
      outcome: 'rejected',
    })
  })
})
