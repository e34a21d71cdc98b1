import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { writeLargeGguf, writeLargeOnnx } from './large-models.mjs'
import { percentile, root, temporaryFolder } from './support.mjs'

const WEIGHTS_BYTES = 100_000_000
const ROUNDS = 9

/** How long the inspecting process takes to describe a model of 100 MB, once it has started. */
export async function run() {
  const folder = await temporaryFolder()
  try {
    const rows = []
    for (const [name, write] of [
      ['ONNX', writeLargeOnnx],
      ['GGUF', writeLargeGguf],
    ]) {
      const path = join(folder.path, `model.${name.toLowerCase()}`)
      await write(path, WEIGHTS_BYTES)
      const times = []
      for (let round = 0; round < ROUNDS; round++)
        times.push(await inspectMs(path, join(folder.path, 'scratch')))
      rows.push([
        `metadata of a 100 MB ${name}, p50 / worst of ${ROUNDS}`,
        `${percentile(times, 0.5).toFixed(1)} / ${Math.max(...times).toFixed(1)} ms`,
        '',
      ])
    }
    return rows
  } finally {
    await folder.dispose()
  }
}

async function inspectMs(path, scratch) {
  const child = spawn(process.execPath, [join(root, 'out/main/workers/inspect.cjs')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  try {
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    await lines.next()
    const start = performance.now()
    child.stdin.write(`${JSON.stringify({ task: 'inspect', location: { kind: 'path', path }, scratch })}\n`)
    const { value } = await lines.next()
    const elapsedMs = performance.now() - start
    const { result } = JSON.parse(value)
    if (result?.outcome !== 'readable') throw new Error(`it could not be read: ${value.slice(0, 300)}`)
    return elapsedMs
  } finally {
    const ended = once(child, 'exit')
    child.kill()
    await ended
  }
}
