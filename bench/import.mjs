import { spawnSync } from 'node:child_process'
import { randomFillSync } from 'node:crypto'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fixtures, memoryOf, serve, temporaryFolder } from './support.mjs'

const WEIGHTS_BYTES = 1_000_000_000

/** Import of a 1 GB ONNX model against `sha256sum` plus `cp` and a sync of the same file; both with a warm page cache. */
export async function run() {
  if (process.platform === 'win32') return [['import of 1 GB', 'not measured: needs sha256sum and cp', '']]
  const folder = await temporaryFolder()
  const system = await serve()
  try {
    const model = join(folder.path, 'large.onnx')
    await writeLargeModel(model)
    spawnSync('sh', ['-c', `cat "${model}" > /dev/null; sync`])
    const before = memoryOf(system.pid)
    const rows = []
    const start = performance.now()
    await system.importModel(model, 'large')
    const importMs = performance.now() - start
    const copy = join(folder.path, 'copy')
    const toolsStart = performance.now()
    spawnSync('sh', ['-c', `sha256sum "${model}" && cp "${model}" "${copy}" && sync "${copy}"`])
    const toolsMs = performance.now() - toolsStart
    await rm(copy)
    rows.push([
      'import of 1 GB against sha256sum + cp + sync',
      `${(toolsMs / importMs).toFixed(2)} of its speed (${rate(importMs)}, tools ${rate(toolsMs)})`,
      '0.8 or better',
    ])
    rows.push([
      'peak memory of the system during that import',
      `${mb(memoryOf(system.pid).peak)} (before ${mb(before.now)})`,
      'constant',
    ])
    const again = performance.now()
    await system.importModel(model, 'large')
    rows.push([
      'the same 1 GB again, known bytes',
      `${((performance.now() - again) / 1000).toFixed(2)} s`,
      '',
    ])
    return rows
  } finally {
    await system.stop()
    await folder.dispose()
  }
}

/** The digit classifier with one more initializer of random bytes: a valid model of 1 GB. */
async function writeLargeModel(path) {
  const small = await readFile(join(fixtures, 'mnist_cnn.onnx'))
  const file = createWriteStream(path)
  file.write(small)
  // GraphProto (field 7 of ModelProto) merges with the first one: initializer (5) { dims, data_type uint8, name, raw_data }.
  const tensorHead = Buffer.concat([
    Buffer.from([0x08]),
    varint(WEIGHTS_BYTES),
    Buffer.from([0x10, 2, 0x42, 3]),
    Buffer.from('pad'),
    Buffer.from([0x4a]),
    varint(WEIGHTS_BYTES),
  ])
  const tensorBytes = tensorHead.length + WEIGHTS_BYTES
  const initializerHead = Buffer.concat([Buffer.from([0x2a]), varint(tensorBytes)])
  file.write(
    Buffer.concat([
      Buffer.from([0x3a]),
      varint(initializerHead.length + tensorBytes),
      initializerHead,
      tensorHead,
    ]),
  )
  const chunk = Buffer.alloc(10_000_000)
  for (let written = 0; written < WEIGHTS_BYTES; written += chunk.length) {
    if (!file.write(randomFillSync(Buffer.from(chunk)))) await once(file, 'drain')
  }
  file.end()
  await once(file, 'close')
  const handle = await open(path)
  await handle.sync()
  await handle.close()
}

function varint(value) {
  const bytes = []
  let rest = value
  while (rest >= 128) {
    bytes.push((rest % 128) + 128)
    rest = Math.floor(rest / 128)
  }
  return Buffer.from([...bytes, rest])
}

function rate(elapsedMs) {
  return `${Math.round(WEIGHTS_BYTES / 1e3 / elapsedMs)} MB/s`
}

function mb(bytes) {
  return `${Math.round(bytes / 1e6)} MB`
}
