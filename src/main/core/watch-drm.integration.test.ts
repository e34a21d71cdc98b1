import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createDrmWatch } from './watch-drm'

const GPU = '0000:03:00.0'
const KIB = 1024
const nobody: ReadonlySet<number> = new Set()

let root: string
let now: number
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'proc-'))
  now = 0
})
afterEach(() => rm(root, { recursive: true, force: true }))

const watch = () => createDrmWatch(() => now, root)
const use = (pid: number) => ({ pid, parent: 1, name: `p${pid}`, memoryBytes: 0, cpuCores: 0 })

/** As the kernel shows a file that a process has open. */
async function open(pid: number, fd: number, text: string, target = '/dev/dri/renderD128'): Promise<void> {
  const folder = join(root, String(pid))
  await mkdir(join(folder, 'fd'), { recursive: true })
  await mkdir(join(folder, 'fdinfo'), { recursive: true })
  await symlink(target, join(folder, 'fd', String(fd)))
  await tell(pid, fd, text)
}
const tell = (pid: number, fd: number, text: string) =>
  writeFile(join(root, String(pid), 'fdinfo', String(fd)), text)

const client = (id: number, kib: number, engines: Record<string, number> = {}, address = GPU) =>
  [
    ...['pos:\t0', 'drm-driver:\tamdgpu', `drm-client-id:\t${id}`, `drm-pdev:\t${address}`],
    ...[`drm-memory-vram:\t${kib} KiB`, `drm-memory-gtt: \t9 KiB`],
    ...Object.entries(engines).map(([name, ms]) => `drm-engine-${name}:\t${ms * 1e6} ns`),
  ].join('\n')

describe('the programs on GPUs that the kernel tells of', () => {
  it('are those with files open there, with their memory, and the load between two looks', async () => {
    await open(7, 3, client(1, 100, { gfx: 1000 }))
    await open(7, 4, client(2, 50, { gfx: 0, compute: 100 }))
    await open(7, 5, client(3, 8, {}, '0000:04:00.0'))
    await open(8, 3, client(4, 20))
    // It has the words of a client, and is none.
    await open(9, 3, client(5, 30), '/tmp/renderD128')
    const drm = watch()
    const processes = [7, 8, 9, 10].map(use)
    const first = await drm.read(processes, nobody)
    expect(first?.programs).toEqual([
      { address: GPU, migInstance: null, pid: 7, name: 'p7', memoryBytes: 150 * KIB },
      { address: '0000:04:00.0', migInstance: null, pid: 7, name: 'p7', memoryBytes: 8 * KIB },
      { address: GPU, migInstance: null, pid: 8, name: 'p8', memoryBytes: 20 * KIB },
    ])
    // Nothing to compare with.
    expect(first?.loads).toEqual(new Map())
    now = 1000
    await tell(7, 3, client(1, 100, { gfx: 1250 }))
    await tell(7, 4, client(2, 50, { gfx: 125, compute: 300 }))
    // ROCm computes past the kernel: nothing is told of process 8.
    expect((await drm.read(processes, nobody))?.loads.get(GPU)).toEqual(new Map([[7, 0.375]]))
    now = 2000
    await rm(join(root, '7'), { recursive: true })
    expect((await drm.read([8, 9].map(use), nobody))?.programs.map(({ pid }) => pid)).toEqual([8])
  })

  it('are not known, as long as the kernel tells of nobody', async () => {
    await open(7, 3, 'pos:\t0\ndrm-driver:\tamdgpu\n')
    const drm = watch()
    expect(await drm.read([use(7)], nobody)).toBeNull()
    await tell(7, 3, client(1, 100))
    expect((await drm.read([use(7)], nobody))?.programs).toHaveLength(1)
    // The number stands for another file now.
    await tell(7, 3, 'pos:\t0\n')
    expect(await drm.read([use(7)], nobody)).toEqual({ programs: [], loads: new Map() })
  })

  it('count what a fallen count says only when it has caught up', async () => {
    const drm = watch()
    await open(7, 3, client(1, 0, { gfx: 1000 }))
    const loads = async (at: number, ms: number) => {
      now = at
      await tell(7, 3, client(1, 0, { gfx: ms }))
      return (await drm.read([use(7)], nobody))?.loads.get(GPU)?.get(7)
    }
    const told = [
      await loads(0, 1000),
      await loads(1000, 400),
      await loads(2000, 1500),
      await loads(3000, 1600),
    ]
    expect(told).toEqual([undefined, undefined, 0.25, 0.1])
  })

  it('are found soon where they are ours, and in turn where they are not', async () => {
    for (let pid = 100; pid < 400; pid++) await mkdir(join(root, String(pid), 'fd'), { recursive: true })
    await open(399, 3, client(1, 1))
    await open(398, 3, client(2, 1))
    const drm = watch()
    const processes = Array.from({ length: 300 }, (_, i) => use(100 + i))
    const seen = async (own: number[]) =>
      (await drm.read(processes, new Set(own)))?.programs.map(({ pid }) => pid).sort()
    expect(await seen([399])).toEqual([399])
    expect(await seen([399])).toEqual([398, 399])
    // Of ours each look follows every link.
    await open(399, 4, client(3, 1, {}, '0000:04:00.0'))
    expect(await seen([399])).toEqual([398, 399, 399])
  })

  it('are one for each client, however many files and processes share it', async () => {
    const file = fc.record({ pid: fc.integer({ min: 1, max: 5 }), id: fc.integer({ min: 1, max: 6 }) })
    await fc.assert(
      fc.asyncProperty(fc.array(file, { maxLength: 20 }), async (files) => {
        await rm(root, { recursive: true, force: true })
        for (const [fd, { pid, id }] of files.entries()) await open(pid, fd, client(id, 2 ** id))
        const read = await watch().read([4, 2, 5, 1, 3].map(use), nobody)
        const ids = new Set(files.map(({ id }) => id))
        const expected = new Map<number, number>()
        for (const id of ids) {
          const last = Math.max(...files.filter((one) => one.id === id).map(({ pid }) => pid))
          expected.set(last, (expected.get(last) ?? 0) + 2 ** id * KIB)
        }
        expect(new Map(read?.programs.map(({ pid, memoryBytes }) => [pid, memoryBytes]))).toEqual(expected)
      }),
      { numRuns: 30 },
    )
  })
})
