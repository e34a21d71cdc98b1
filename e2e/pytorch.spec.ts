import { spawnSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from '@playwright/test'
import { withPython } from './support/app'
import { fixtures, Serve } from './support/serve'

withPython()

const hasTorch = spawnSync('/usr/bin/python3', ['-I', '-c', 'import torch']).status === 0

test('one digit classifier in four formats gives the same answers, and weights run in the graph they are given', async () => {
  // biome-ignore lint/suspicious/noSkippedTests: what it needs cannot be had everywhere, and it says so
  test.skip(!hasTorch, 'The system has no Python with torch (python3-torch on Debian).')
  test.setTimeout(180_000)
  const serve = await Serve.start()
  try {
    const pixels = Buffer.from(await readFile(join(fixtures, 'test100.f32'))).subarray(0, 784 * 4)
    const expected = new Float32Array(
      Uint8Array.from((await readFile(join(fixtures, 'ref100.f32'))).subarray(0, 40)).buffer,
    )
    const image = { dtype: 'float32', shape: [1, 1, 28, 28], base64: pixels.toString('base64') }
    const infer = (model: string, input: string) =>
      serve.call('POST', '/jobs', { kind: 'infer', model, inputs: { [input]: image }, waitMs: 60_000 })

    await serve.import(join(fixtures, 'mnist_cnn.onnx'), 'digits-onnx')
    await serve.import(join(fixtures, 'mnist_cnn.pt'), 'digits-script')
    const weights = await serve.import(join(fixtures, 'mnist_cnn.safetensors'), 'digits-weights')
    const state = await serve.import(join(fixtures, 'mnist_cnn_state.pth'), 'digits-state')
    for (const { id, state: stands } of [weights, state])
      if (stands === 'waiting') await serve.call('POST', `/imports/${id}/confirm`)

    const bare = await infer('digits-weights@1', 'x')
    expect(bare.body.error).toMatchObject({ code: 'compute.no_runtime' })
    expect(bare.body.error.message).toContain('architecture')
    const name = (model: string, architecture: string) =>
      serve.call('PATCH', `/models/${model}/versions/1`, { architecture })
    expect((await name('digits-weights', 'digits-onnx@1')).status).toBe(409)
    expect((await name('digits-weights', 'digits-script@latest')).body.architecture).toBe('digits-script@1')
    await name('digits-state', 'digits-script@1')

    for (const [model, input] of [
      ['digits-onnx@1', 'image'],
      ['digits-script@1', 'x'],
      ['digits-weights@1', 'x'],
      ['digits-state@1', 'x'],
    ] as const) {
      const { body } = await infer(model, input)
      expect(body).toMatchObject({ state: 'succeeded' })
      const [output] = Object.values(body.result.outputs) as { data: number[] }[]
      output?.data.forEach((score, digit) => {
        expect(Math.abs(score - (expected[digit] ?? Number.NaN))).toBeLessThan(1e-4)
      })
    }
    const needed = await serve.call('DELETE', '/models/digits-script/versions/1')
    expect(needed).toMatchObject({ status: 409, body: { error: { code: 'storage.in_use' } } })
    const runtimes = (await serve.call('GET', '/runtimes')).body.items
    const pytorch = runtimes.find(({ id }: { id: string }) => id === 'pytorch')
    expect(pytorch.engines).toHaveLength(3)
    expect(['bubblewrap', 'process']).toContain(pytorch.isolation)
  } finally {
    await serve.dispose()
  }
})
