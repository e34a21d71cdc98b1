import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { pidOf } from '../../../runtimes/testing/fixtures'
import { ControlGroups } from './control-groups'

let root: string
const read = (path: string) => readFile(join(root, path), 'utf8')
const self = () => join(root, 'self')
/** A folder in the place of the kernel's: what is written can be read, and nothing more. */
async function group(path: string): Promise<void> {
  await mkdir(join(root, path), { recursive: true })
  await writeFile(join(root, path, 'cgroup.controllers'), 'cpuset cpu io memory pids\n')
}

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'cgroup-'))
})
afterEach(() => rm(root, { recursive: true, force: true }))

describe.runIf(process.platform === 'linux')('control groups', () => {
  it('hold each worker to memory, cores and weight, and let go', async () => {
    await group('')
    await writeFile(self(), '0::/\n')
    const groups = await ControlGroups.open(root, self())
    expect(groups.means).toEqual({ name: 'cgroup', inForce: true, reason: null })
    const folder = `llmagentos-${process.pid}`
    await groups.make('eng')
    await groups.add('eng', [4711])
    await groups.add('eng', [4711, 4712])
    expect(await read(`${folder}/eng/cgroup.procs`)).toBe('4711\n4711\n4712\n')
    await groups.limit('eng', { cpuCores: 1.5, memoryBytes: 1e9, priority: 20 })
    expect(await read(`${folder}/eng/memory.max`)).toBe('1000000000')
    expect(await read(`${folder}/eng/cpu.max`)).toBe('150000 100000')
    expect(await read(`${folder}/eng/cpu.weight`)).toBe('40')
    await groups.limit('eng', { cpuCores: 1, memoryBytes: 1e9, priority: 0 })
    expect(await read(`${folder}/eng/cpu.weight`)).toBe('1')
    await groups.limit('eng', null)
    expect(await read(`${folder}/eng/memory.max`)).toBe('max')
    expect(await read(`${folder}/eng/cpu.max`)).toBe('max 100000')
    expect(await read(`${folder}/eng/cpu.weight`)).toBe('100')
    expect(groups.ranOutOfMemory('eng')).toBe(false)
    // By the kernel for want of memory of the whole machine, or of a group around: no limit of its own was hit.
    await writeFile(join(root, folder, 'eng/memory.events'), 'low 0\nmax 0\noom 0\noom_kill 1\n')
    expect(groups.ranOutOfMemory('eng')).toBe(false)
    await writeFile(join(root, folder, 'eng/memory.events'), 'low 0\nmax 3\noom 1\noom_kill 1\n')
    expect(groups.ranOutOfMemory('eng')).toBe(true)
    await writeFile(join(root, folder, 'eng/cgroup.kill'), '')
    await groups.remove('eng')
    expect(await read(`${folder}/eng/cgroup.kill`)).toBe('1')
  })

  it('lie beside our own where that cannot be divided', async () => {
    await group('')
    await group('app.slice/scope')
    await writeFile(join(root, 'app.slice/cgroup.subtree_control'), 'cpu memory pids\n')
    // What the kernel refuses with EBUSY is refused here by a folder in the place of the file.
    await mkdir(join(root, 'app.slice/scope/cgroup.subtree_control'))
    await writeFile(self(), '1:name=systemd:/x\n0::/app.slice/scope\n')
    const groups = await ControlGroups.open(root, self())
    expect(groups.means.inForce).toBe(true)
    expect(await readdir(join(root, 'app.slice'))).toContain(`llmagentos-${process.pid}`)
  })

  it.each([
    ['memory.max', '1000000000\n', false],
    ['cpu.max', '150000 100000\n', false],
    ['memory.max', 'max\n', true],
    ['cpu.max', 'max 100000\n', true],
  ])(
    'do not lie beside our own where that has limits, which workers would leave: %s %s',
    async (file, limit, inForce) => {
      await group('')
      await group('app.slice/scope')
      await writeFile(join(root, 'app.slice/cgroup.subtree_control'), 'cpu memory pids\n')
      await mkdir(join(root, 'app.slice/scope/cgroup.subtree_control'))
      await writeFile(join(root, 'app.slice/scope', file), limit)
      await writeFile(self(), '0::/app.slice/scope\n')
      const { means } = await ControlGroups.open(root, self())
      expect(means.inForce).toBe(inForce)
      if (!inForce) expect(means.reason).toMatch(/limits of its own.*slice/)
      expect((await readdir(join(root, 'app.slice'))).some((name) => name.startsWith('llmagentos-'))).toBe(
        inForce,
      )
    },
  )

  it('of a run that was killed are removed, of one that lives are not', async () => {
    await group('')
    await writeFile(self(), '0::/\n')
    await mkdir(join(root, 'llmagentos-999999999/eng'), { recursive: true })
    await mkdir(join(root, `llmagentos-${process.ppid}/eng`), { recursive: true })
    await mkdir(join(root, `llmagentos-${process.pid}/eng`), { recursive: true })
    const groups = await ControlGroups.open(root, self())
    expect(groups.means.inForce).toBe(true)
    expect(await readdir(join(root, `llmagentos-${process.pid}`))).not.toContain('eng')
    expect((await readdir(root)).filter((name) => name.startsWith('llmagentos-')).sort()).toEqual(
      [`llmagentos-${process.pid}`, `llmagentos-${process.ppid}`].sort(),
    )
  })

  it('say why there are none, and then do nothing', async () => {
    const none = await ControlGroups.open(root, self())
    expect(none.means).toMatchObject({ inForce: false, reason: expect.stringMatching(/version 2/) })
    await none.make('eng')
    await none.add('eng', [1])
    await none.limit('eng', null)
    expect(await readdir(root)).toEqual([])

    await group('')
    await writeFile(self(), '0::/\n')
    await mkdir(join(root, 'cgroup.subtree_control'))
    const refused = await ControlGroups.open(root, self())
    expect(refused.means).toMatchObject({ inForce: false, reason: expect.stringMatching(/Delegate=yes/) })
    expect((await readdir(root)).filter((name) => name.startsWith('llmagentos-'))).toEqual([])
  })

  it('are there on this machine, or it says why not', async () => {
    const groups = await ControlGroups.open()
    expect(groups.means.inForce).toBe(groups.means.reason === null)
    await groups.dispose()
  })

  it('are kept by the kernel: what takes more memory is ended, and more cores than leased are not to be had', async ({
    skip,
  }) => {
    const groups = await ControlGroups.open()
    skip(!groups.means.inForce, groups.means.reason ?? '')
    const begin = async (name: string, code: string) => {
      // It begins its work when it is in its group.
      const child = spawn(process.execPath, ['-e', `process.stdin.once('data', () => {${code}})`])
      await groups.make(name)
      await groups.add(name, [pidOf(child)])
      await groups.limit(name, { cpuCores: 0.2, memoryBytes: 128 * 2 ** 20, priority: 50 })
      child.stdin.write('go')
      return child
    }
    try {
      const hog = await begin('hog', 'const held = []; for (;;) held.push(Buffer.alloc(2 ** 20, 1))')
      expect(await once(hog, 'exit')).toEqual([null, 'SIGKILL'])
      expect(groups.ranOutOfMemory('hog')).toBe(true)
      await groups.remove('hog')
      const busy = await begin('busy', 'for (;;);')
      const usedMs = () => {
        const stat = readFileSync(`/proc/${busy.pid}/stat`, 'utf8')
        const [user, system] = stat
          .slice(stat.lastIndexOf(')') + 2)
          .split(' ')
          .slice(11, 13)
        return (Number(user) + Number(system)) * 10
      }
      const [before, beganAt] = [usedMs(), performance.now()]
      await new Promise((resolve) => setTimeout(resolve, 3000))
      const cores = (usedMs() - before) / (performance.now() - beganAt)
      expect(groups.ranOutOfMemory('busy')).toBe(false)
      busy.kill('SIGKILL')
      await once(busy, 'exit')
      await groups.remove('busy')
      expect(cores).toBeLessThan(0.4)
      expect(cores).toBeGreaterThan(0.05)
    } finally {
      await groups.dispose()
    }
  })
})
