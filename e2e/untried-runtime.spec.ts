import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@playwright/test'
import { fixtures, Serve, sileroInputs } from './support/serve'

test('a runtime that takes its time to say whether it works holds up its own jobs only', async () => {
  // biome-ignore lint/suspicious/noSkippedTests: what it needs cannot be had everywhere, and it says so
  test.skip(process.platform === 'win32', 'its Python is a shell script')
  const folder = await mkdtemp(join(tmpdir(), 'python-'))
  const serve = await Serve.start()
  try {
    await serve.import(join(fixtures, 'silero_vad_v5.onnx'), 'silero-vad')
    await serve.import(join(fixtures, 'mnist_cnn.pt'), 'digits-script')
    const python = join(folder, 'python3')
    await writeFile(python, '#!/bin/sh\nexec sleep 600\n')
    await chmod(python, 0o755)
    expect((await serve.call('PATCH', '/settings', { pythonPath: python })).status).toBe(200)
    await serve.stop()
    await serve.restart()

    expect((await serve.call('GET', '/jobs')).status).toBe(200)
    const image = { dtype: 'float32', shape: [1, 1, 28, 28], data: new Array<number>(784).fill(0) }
    const waiting = await serve.call('POST', '/jobs', {
      kind: 'infer',
      model: 'digits-script@1',
      inputs: { x: image },
    })
    expect(waiting.status).toBe(201)
    const job = await serve.until(`/jobs/${waiting.body.id}`, ({ waitReason }) =>
      /PyTorch/.test(waitReason ?? ''),
    )
    expect(job).toMatchObject({
      state: 'queued',
      waitReason: 'Waiting until it is known whether PyTorch works here',
    })
    const runtimes = (await serve.call('GET', '/runtimes')).body.items
    expect(runtimes.find(({ id }: { id: string }) => id === 'pytorch')).toMatchObject({
      available: false,
      beingTried: true,
    })
    const done = await serve.call('POST', '/jobs', {
      kind: 'infer',
      model: 'silero-vad@1',
      inputs: sileroInputs(),
      waitMs: 60_000,
    })
    expect(done.body).toMatchObject({ state: 'succeeded' })
  } finally {
    await serve.dispose()
    await rm(folder, { recursive: true })
  }
})
