import { describe, expect, it } from 'vitest'
import { chooseFiles } from './choose'

const chosen = (paths: string[], patterns: string[]) =>
  chooseFiles(
    paths.map((path) => ({ path, sizeBytes: 1, sha256: null, gitId: null })),
    patterns,
  ).map(({ as }) => as)

describe('chooseFiles', () => {
  it.each([
    ['model.onnx', ['model.onnx']],
    ['MODEL.ONNX', ['model.onnx']],
    ['*.onnx', ['model.onnx']],
    ['m*l.o*x', ['model.onnx']],
    ['model*', ['model.onnx', 'model.gguf']],
    ['**ode**gg*', ['model.gguf']],
    ['model.gguf*gguf', null],
    ['m.del.onnx', null],
    ['odel.onnx', null],
  ])('takes %s as a pattern where only `*` means something', (pattern, expected) => {
    const choose = () => chosen(['model.onnx', 'model.gguf'], [pattern])
    if (expected === null) expect(choose).toThrow('No file of the repository fits')
    else expect(choose()).toEqual(expected)
  })

  it('asks no more of a pattern with many `*` than to read the path once', () => {
    const began = performance.now()
    expect(() => chosen([`${'a'.repeat(60)}.onnx`], [`${'*'.repeat(26)}z`])).toThrow('No file')
    expect(() => chosen([`${'a'.repeat(60)}.onnx`], [`${'a*'.repeat(12)}z`])).toThrow('No file')
    expect(performance.now() - began).toBeLessThan(1_000)
  })
})
