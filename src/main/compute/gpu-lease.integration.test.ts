import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { JobSpec } from '../../shared/contract'
import type { JobId, PrincipalId } from '../../shared/domain/ids'
import { buildWorkers } from '../runtimes/testing/build-workers'
import { processGone } from '../runtimes/testing/fixtures'
import { openRealSystem, REAL_WORKERS } from './testing/real-system'

const RECORDED = resolve(import.meta.dirname, '../core/detect/recorded/nvidia-smi-v13-two-a5000.xml')
/** Of the one program on each GPU of the recording. */
const USED_BYTES = 22428 * 2 ** 20
const PATIENCE = { timeout: 50_000, interval: 20 }

/**
 * Stands in for a driver: a program of the name on the path, which prints what was recorded, with the process id that the
 * file beside it names.
 */
const NVIDIA_SMI = (folder: string) => `#!/bin/sh
case "$1" in
-q) sed "s/<pid>4242</<pid>$(cat ${folder}/pid)</" ${RECORDED} ;;
--query-gpu=*) echo "0, 00000000:81:00.0, 37, 500, 24564, 61, 201.35"; echo "1, 00000000:C1:00.0, 0, 500, 24564, 61, 20"; exec sleep 600 ;;
esac
`

describe.runIf(process.platform === 'linux')('a lease of GPU memory', () => {
  let workers: Awaited<ReturnType<typeof buildWorkers>>
  let system: Awaited<ReturnType<typeof openRealSystem>>
  let folder: string
  const path = process.env['PATH']

  beforeAll(async () => {
    workers = await buildWorkers(REAL_WORKERS)
    folder = await mkdtemp(join(tmpdir(), 'gpu-lease-'))
    const tool = join(folder, 'nvidia-smi')
    await writeFile(join(folder, 'pid'), '1')
    await writeFile(tool, NVIDIA_SMI(folder))
    await chmod(tool, 0o755)
    process.env['PATH'] = `${folder}${delimiter}${path}`
    system = await openRealSystem(join(folder, 'data'), workers.dir, null)
  }, 120_000)
  afterAll(async () => {
    await system?.close()
    process.env['PATH'] = path
    await workers?.dispose()
    await rm(folder, { recursive: true, force: true })
  })

  /** Starts a load, and lets it be the program of the recording. */
  async function begin(gpuMemoryBytes: number) {
    const need = { cpuCores: 0.1, gpu: 0.5, gpuMemoryBytes }
    const spec = JobSpec.parse({ kind: 'synthetic', durationMs: 120_000, need, maxAttempts: 3 })
    const { id } = await system.compute.submit(spec, 'p-test' as PrincipalId)
    const pid = await vi.waitUntil(
      () => system.compute.engines().find(({ state }) => state === 'busy')?.pid,
      PATIENCE,
    )
    await writeFile(join(folder, 'pid'), String(pid))
    return { id: id as JobId, pid }
  }

  it('is no bound to a job that takes no more than it has leased and the tolerance', async () => {
    const { id, pid } = await begin(20e9)
    let seen = 0
    const off = system.core.onDidSeeGpuPrograms((programs) => {
      if (programs.some((program) => program.pid === pid && program.memoryBytes === USED_BYTES)) seen++
    })
    await vi.waitUntil(() => seen >= 5, PATIENCE)
    off()
    expect(system.compute.get(id).state).toBe('running')
    expect(system.executor.enforcement()).toContainEqual({
      name: 'gpuMemoryWatchdog',
      inForce: true,
      reason: null,
    })
    await system.compute.cancel(id)
  })

  it('ends a job that outgrows it, for good, and its worker with it', async () => {
    const { id, pid } = await begin(2e9)
    await vi.waitUntil(() => system.compute.get(id).state === 'failed', PATIENCE)
    const { error, attempt } = system.compute.get(id)
    expect(attempt).toBe(1)
    expect(error).toMatchObject({
      code: 'compute.exceeded_lease',
      message: expect.stringMatching(
        /^The worker used 23\.5 GB of the memory of gpu-0000-(81|c1)-00\.0, and 2 GB were leased for the job\./,
      ),
      details: { usedBytes: USED_BYTES, leasedBytes: 2e9, need: 'need.gpuMemoryBytes' },
    })
    await processGone(pid)
    expect(system.core.listLeases().filter(({ job }) => job !== null)).toEqual([])
  })
})
