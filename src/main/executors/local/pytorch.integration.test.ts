import { spawnSync } from 'node:child_process'
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ModelFormat, RuntimeView } from '../../../shared/contract'
import type { Tensors } from '../../../shared/domain/tensor'
import { findBubblewrap, inBubblewrap } from '../../runtimes/sandbox'
import { conformance, tensorSubject } from '../../runtimes/testing/conformance'
import {
  batchOf,
  digits,
  engineId,
  floats,
  hooks,
  pidOf,
  processGone,
  valuesOf,
  versionAt,
  versionOf,
} from '../../runtimes/testing/fixtures'
import type { LoadableVersion, LocalExecutor } from '.'
import { startExecutor } from './testing/start-executor'

const python = '/usr/bin/python3'
const hasTorch = spawnSync(python, ['-I', '-c', 'import torch']).status === 0
if (!hasTorch)
  console.warn('PyTorch is not tested: the system has no Python with torch (python3-torch on Debian).')

let started: Awaited<ReturnType<typeof startExecutor>>
let executor: LocalExecutor
beforeAll(async () => {
  started = await startExecutor()
  executor = started.executor
}, 60_000)
afterAll(async () => {
  await started.end()
})

const { signal } = new AbortController()
const script = () => versionOf('torchscript', ['mnist_cnn.pt'])
const inGraph = (format: 'safetensors' | 'torch-state', path: string): LoadableVersion => {
  const version = versionOf(format, [path])
  const graph = script().files.map((file) => ({ ...file, path: `architecture/${file.path}` }))
  return { ...version, files: [...version.files, ...graph] }
}
const { items, expected } = digits()
const named = (item: Tensors | undefined) => ({ x: item?.['image'] ?? floats([], [0]) })
const close = (outputs: Tensors | undefined, at: number) =>
  valuesOf(outputs, 'output').forEach((score, i) => {
    expect(score).toBeCloseTo(expected[at * 10 + i] ?? Number.NaN, 4)
  })
const pytorch = (): RuntimeView => {
  const view = executor.runtimes().find(({ id }) => id === 'pytorch')
  if (!view) throw new Error('there is no PyTorch')
  return view
}

describe.skipIf(!hasTorch)('PyTorch', () => {
  it('says what it is and how it is kept apart', () => {
    expect(pytorch()).toMatchObject({
      available: true,
      version: expect.stringMatching(/^\d+\.\d+/),
      formats: ['torchscript', 'torch-state', 'safetensors'],
      isolation: findBubblewrap() ? 'bubblewrap' : 'process',
    })
  })

  it.each([
    ['TorchScript', script],
    ['safetensors in a graph', () => inGraph('safetensors', 'mnist_cnn.safetensors')],
    ['a state dict in a graph', () => inGraph('torch-state', 'mnist_cnn_state.pth')],
  ])('gives the same answers from %s as the ONNX model', async (_, version) => {
    const engine = engineId(await executor.load(version(), { threads: 1, signal }))
    const seen = hooks()
    await executor.run(engine, batchOf(items.map(named)), seen)
    expect(seen.items).toHaveLength(100)
    seen.items.forEach((outputs, at) => {
      close(outputs, at)
    })
    await executor.unload(engine)
  })

  it('refuses weights without a graph, and weights that do not fit it', async () => {
    const bare = versionOf('safetensors', ['mnist_cnn.safetensors'])
    await expect(executor.load(bare, { threads: 1, signal })).rejects.toMatchObject({
      code: 'compute.invalid_input',
      message: expect.stringContaining('architecture'),
    })
    const folder = await mkdtemp(join(tmpdir(), 'weights-'))
    try {
      const header = JSON.stringify({ 'c1.weight': { dtype: 'F32', shape: [1], data_offsets: [0, 4] } })
      const length = Buffer.alloc(8)
      length.writeBigUInt64LE(BigInt(header.length))
      const path = join(folder, 'other.safetensors')
      await writeFile(path, Buffer.concat([length, Buffer.from(header), Buffer.alloc(4)]))
      const fitting = inGraph('safetensors', 'mnist_cnn.safetensors')
      const other = { path: 'other.safetensors', absolutePath: path, sizeBytes: 0 }
      const unfit = { ...fitting, digest: 'unfit', files: [other, ...fitting.files.slice(1)] }
      await expect(executor.load(unfit, { threads: 1, signal })).rejects.toThrow(/missing: c1\.bias/)
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('never unpickles: a pickle that would run a program is refused and runs nothing', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'hostile-'))
    try {
      const marker = join(folder, 'ran')
      const path = join(folder, 'evil.pth')
      const make = `import pickle, os\nclass E:\n  def __reduce__(self): return (os.system, ('touch ${marker}',))\npickle.dump(E(), open('${path}', 'wb'))`
      expect(spawnSync(python, ['-I', '-c', make]).status).toBe(0)
      const graph = inGraph('torch-state', 'mnist_cnn_state.pth')
      const evil = { path: 'evil.pth', absolutePath: path, sizeBytes: 0 }
      const version = { ...graph, digest: 'evil', files: [evil, ...graph.files.slice(1)] }
      await expect(executor.load(version, { threads: 1, signal })).rejects.toMatchObject({
        code: expect.stringMatching(/^compute\./),
      })
      expect(spawnSync('ls', [marker]).status).not.toBe(0)
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('measures what is inside the sandbox, and leaves nothing behind when the sandbox is killed', async () => {
    const view = await executor.load(script(), { threads: 1, signal })
    expect(view.memoryBytes).toBeGreaterThan(80 * 2 ** 20)
    const pid = pidOf(view)
    const children = () =>
      spawnSync('pgrep', ['-P', String(pid)], { encoding: 'utf8' })
        .stdout.trim()
        .split('\n')
    const [inner = ''] = children()
    process.kill(pid, 'SIGKILL')
    await processGone(pid)
    if (inner !== '') await processGone(Number(inner))
    expect(executor.engines()).toEqual([])
  })

  it('is expected to take what it takes at most, also with a graph of its own beside the weights', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'large-'))
    try {
      expect(spawnSync(python, ['-I', '-c', LARGE_MODEL, folder]).status).toBe(0)
      const graph = versionAt(folder, 'torchscript', ['large.pt'])
      const files = graph.files.map((file) => ({ ...file, path: `architecture/${file.path}` }))
      const within = (format: ModelFormat, path: string) => {
        const version = versionAt(folder, format, [path])
        return { ...version, files: [...version.files, ...files] }
      }
      for (const version of [
        graph,
        within('torch-state', 'large.pth'),
        within('safetensors', 'large.safetensors'),
      ]) {
        const expectedBytes = executor.estimateMemory(version)
        const view = await executor.load(version, { threads: 1, signal })
        const peakBytes = await highestRss(pidOf(view))
        await executor.unload(engineId(view))
        expect(expectedBytes, version.format).toBeGreaterThan(peakBytes)
        expect(expectedBytes, version.format).toBeLessThan(peakBytes * 1.5)
      }
    } finally {
      await rm(folder, { recursive: true })
    }
  }, 120_000)

  const torch = tensorSubject({
    version: script,
    inputs: () => named(items[0]),
    check: (outputs) => close(outputs, 0),
    wrongDtype: () => ({
      inputs: { x: { dtype: 'float64', shape: [1, 1, 28, 28], bytes: new Uint8Array(784 * 8) } },
      words: /Double|Float|dtype/i,
    }),
    runs: 5000,
    growthBytes: 16 * 2 ** 20,
  })
  conformance('PyTorch', () => executor, torch)
})

/** A linear layer of 96 MiB: as a graph, and its weights in two formats. */
const LARGE_MODEL = `
import json, struct, sys, torch
folder = sys.argv[1]
layer = torch.nn.Linear(5000, 5000)
torch.jit.script(layer).save(folder + '/large.pt')
torch.save(layer.state_dict(), folder + '/large.pth')
header, data = {}, b''
for name, value in layer.state_dict().items():
    raw = value.numpy().tobytes()
    header[name] = {'dtype': 'F32', 'shape': list(value.shape), 'data_offsets': [len(data), len(data) + len(raw)]}
    data += raw
text = json.dumps(header).encode()
open(folder + '/large.safetensors', 'wb').write(struct.pack('<Q', len(text)) + text + data)
`

/** The most memory that the worker has ever had in use, or the process that its sandbox runs it in. */
async function highestRss(pid: number): Promise<number> {
  const { stdout } = spawnSync('pgrep', ['-P', String(pid)], { encoding: 'utf8' })
  const children = stdout.split('\n').filter((line) => line !== '')
  const own = /^VmHWM:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Math.max(
    Number(own) * 1024,
    ...(await Promise.all(children.map((child) => highestRss(Number(child))))),
  )
}

const bubblewrap = findBubblewrap()
if (!bubblewrap) console.warn('The sandbox is not tested: bubblewrap is not installed here.')

describe.skipIf(!bubblewrap)('a sandboxed worker', () => {
  it.each([
    ['reach a server of this machine', 'import socket; socket.create_connection(("127.0.0.1", PORT), 2)'],
    ['read the home folder', 'import os; os.listdir(os.path.expanduser("~root")) or 1/0'],
    ['read the files of others', 'open(SECRET)'],
    ['write beside the model', 'open(MODEL, "a")'],
    [
      'see other processes',
      'import os; 1/0 if len([p for p in os.listdir("/proc") if p.isdigit()]) < 5 else 0',
    ],
  ])('cannot %s', async (_, code) => {
    const folder = await mkdtemp(join(tmpdir(), 'sandbox-'))
    const server = (await import('node:net')).createServer((socket) => socket.end())
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    try {
      const address = server.address()
      const port = typeof address === 'object' && address ? address.port : 0
      const model = join(folder, 'model.pt')
      const secret = join(folder, 'secret')
      await Promise.all([writeFile(model, 'm'), writeFile(secret, 's')])
      const entry = join(folder, 'entry.py')
      const text = code
        .replace('PORT', String(port))
        .replace('SECRET', JSON.stringify(secret))
        .replace('MODEL', JSON.stringify(model))
      await writeFile(entry, `print(open(${JSON.stringify(model)}).read())\n${text}\nprint("done")\n`)
      const start = { entry, socketPath: null, files: [model], options: 'cpu' }
      const program = inBubblewrap(bubblewrap ?? '', { file: python, args: ['-I'], env: {} }, [], start)
      const answer = spawnSync(program.file, [...program.args, entry], { encoding: 'utf8', env: {} })
      // It runs and reads its model, and fails at what it must not do.
      expect(answer.stdout).toBe('m\n')
      expect(answer.stderr).toMatch(/Error/)
      await copyFile(model, join(folder, 'still-writable-outside'))
    } finally {
      server.close()
      await rm(folder, { recursive: true })
    }
  })
})
