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
afterAll(() => rmSync(root, { recursive: true, force: true }), 120_000)

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
  it('sees all of a folder, refuses one with too much in it, and leaves version control out', async () => {
    const whole = folder('many')
    mkdirSync(join(whole, '.git'))
    writeFileSync(join(whole, '.git', 'HEAD'), 'ref: refs/heads/main')
    for (let index = 0; index < 6_000; index++) writeFileSync(join(whole, `${index}.txt`), '')
    const { files, passedOver } = openSource({ kind: 'path', path: whole })
    expect(files).toHaveLength(6_000)
    expect(passedOver).toEqual(['.git'])
    mkdirSync(join(whole, 'more'))
    for (let index = 0; index < 94_000; index++) writeFileSync(join(whole, 'more', `${index}.txt`), '')
    expect(await inspect({ kind: 'path', path: whole }, scratch())).toMatchObject({
      outcome: 'rejected',
      findings: [{ code: 'storage.unreadable', message: expect.stringContaining('more than 100,000 files') }],
    })
  }, 120_000)

  it('finds the model of a folder in a folder, and what it names beside it', async () => {
    const inner = join(folder('outer'), 'export', 'v1')
    mkdirSync(inner, { recursive: true })
    const graph = [...plainGraph(), tensor('w', [4], { external: { location: 'w.bin' } })]
    writeFileSync(join(inner, 'net.onnx'), model({ graph }))
    writeFileSync(join(inner, 'w.bin'), Buffer.alloc(16))
    const outer = join(root, 'outer')
    expect(await inspect({ kind: 'path', path: outer }, scratch())).toMatchObject({
      outcome: 'readable',
      files: [{ path: 'net.onnx' }, { path: 'w.bin' }],
    })
    writeFileSync(join(outer, 'other.txt'), '')
    expect(await inspect({ kind: 'path', path: outer }, scratch())).toMatchObject({
      outcome: 'rejected',
      findings: [{ code: 'storage.unknown_format' }],
    })
  })

  it('says that a data set has too many files', async () => {
    const images = folder('images')
    for (let index = 0; index <= 10_000; index++) writeFileSync(join(images, `${index}.gif`), 'GIF89a')
    const inspection = await inspect({ kind: 'path', path: images }, scratch())
    expect(inspection).toMatchObject({
      outcome: 'rejected',
      findings: [{ message: expect.stringContaining('at most 10,000 files, and the folder has 10,001') }],
    })
  }, 60_000)

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
