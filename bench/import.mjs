import { spawnSync } from 'node:child_process'
import { rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { writeLargeOnnx } from './large-models.mjs'
import { memoryOf, serve, temporaryFolder } from './support.mjs'

const GIGABYTE = 1_000_000_000

/**
 * Import of a 1 GB ONNX model against `sha256sum` plus `cp` and a sync of the same file, both with a warm page cache; with
 * `--large` of 10 GB too, for the memory it takes.
 */
export async function run({ large }) {
  if (process.platform === 'win32') return [['import of 1 GB', 'not measured: needs sha256sum and cp', '']]
  const rows = await measure(1)
  if (!large) return [...rows, ['import of 10 GB', 'not measured: run it with --large', '']]
  return [...rows, ...(await measure(10))]
}

async function measure(gigabytes) {
  const size = `${gigabytes} GB`
  const weightsBytes = gigabytes * GIGABYTE
  const folder = await temporaryFolder()
  const system = await serve()
  try {
    const { bavail, bsize } = await statfs(folder.path)
    // The model, the copy in the store, the copy of cp, and room to breathe.
    if (bavail * bsize < 3.5 * weightsBytes)
      return [[`import of ${size}`, 'not measured: the disk has no room', '']]
    const model = join(folder.path, 'large.onnx')
    await writeLargeOnnx(model, weightsBytes)
    spawnSync('sh', ['-c', `cat "${model}" > /dev/null; sync`])
    const before = memoryOf(system.pid)
    const worker = watchWorkers(system.pid)
    const start = performance.now()
    await system.importModel(model, 'large')
    const importMs = performance.now() - start
    const workerPeak = worker.stop()
    const copy = join(folder.path, 'copy')
    const toolsStart = performance.now()
    spawnSync('sh', ['-c', `sha256sum "${model}" && cp "${model}" "${copy}" && sync "${copy}"`])
    const toolsMs = performance.now() - toolsStart
    await rm(copy)
    const again = performance.now()
    await system.importModel(model, 'large')
    const rate = (elapsedMs) => `${Math.round(weightsBytes / 1e3 / elapsedMs)} MB/s`
    return [
      [
        `import of ${size} against sha256sum + cp + sync`,
        `${(toolsMs / importMs).toFixed(2)} of its speed (${rate(importMs)}, tools ${rate(toolsMs)})`,
        '0.8 or better',
      ],
      [
        `peak memory of the system during the import of ${size}`,
        `${mb(memoryOf(system.pid).peak)} (before ${mb(before.now)}), of the process that reads ${mb(workerPeak)}`,
        'the same at 1 GB and 10 GB',
      ],
      [`the same ${size} again, known bytes`, `${((performance.now() - again) / 1000).toFixed(2)} s`, ''],
    ]
  } finally {
    await system.stop()
    await folder.dispose()
  }
}

/** The highest resident memory that a process reading files for the system had. */
function watchWorkers(pid) {
  let peak = 0
  const timer = setInterval(() => {
    const { stdout } = spawnSync('ps', ['-o', 'pid=,args=', '--ppid', String(pid)], { encoding: 'utf8' })
    for (const line of stdout.split('\n')) {
      if (line.includes('inspect.cjs')) peak = Math.max(peak, memoryOf(Number.parseInt(line, 10)).peak || 0)
    }
  }, 200)
  return {
    stop() {
      clearInterval(timer)
      return peak
    },
  }
}

function mb(bytes) {
  return `${Math.round(bytes / 1e6)} MB`
}
