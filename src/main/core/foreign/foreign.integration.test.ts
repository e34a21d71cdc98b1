import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import type { Device } from '../../../shared/contract'
import { parseNvidiaProcesses } from '../detect/nvidia'
import { by, createCoreFixture, refusalOf } from '../testing/core-fixture'
import { createFakeHost, fakeCpu } from '../testing/fake-host'
import { foreignHolders, plainName } from './holders'
import { createOwnProcesses, createProcessReader, parseStat, treeOf, usesOf } from './processes'

const MB = 1e6
const cpu: Device = { ...fakeCpu(4, 1000 * MB), origin: 'detected', yieldsToOthers: false }

let hog = 0
afterEach(() => {
  if (hog > 0) process.kill(hog, 'SIGKILL')
  hog = 0
})

/** Allocates memory, and is not ours: who started it has ended. */
async function startHog(bytes: number): Promise<number> {
  const script = `process.title = 'memory-hog'; const held = Buffer.alloc(${bytes}, 1); setInterval(() => held, 1000)`
  const command = `"${process.execPath}" -e "${script}" > /dev/null 2>&1 & echo $!`
  const { stdout } = await promisify(execFile)('sh', ['-c', command])
  return Number(stdout)
}

describe.runIf(process.platform === 'linux')('processes', () => {
  it('names a program outside that holds memory, and nothing that is ours', async () => {
    hog = await startHog(150 * MB)
    const reader = createProcessReader(() => Date.now())
    const find = async () => (await reader.read()).find(({ pid }) => pid === hog)
    await expect
      .poll(async () => (await find())?.memoryBytes ?? 0, { timeout: 40_000 })
      .toBeGreaterThan(150 * MB)
    const all = await reader.read()
    const own = treeOf(process.pid, all)
    // Whatever else runs on this machine is left out, that it may be larger.
    const some = all.filter(({ pid }) => pid === hog || own.has(pid))
    expect(some.length).toBeGreaterThan(1)
    const holders = foreignHolders(some, [], [cpu], own)
    expect(holders).toEqual([expect.objectContaining({ device: 'cpu0', name: 'memory-hog', pid: hog })])
    expect(holders[0]?.memoryBytes).toBeLessThan(400 * MB)
  })
})

it('cores in use are told by Windows as a part of all there are, with what is idle as a program', () => {
  const item = (pid: number, cpu: number) => ({ pid, parentPid: 1, name: `p${pid}`, memRss: 1, cpu })
  const coresOf = (platform: NodeJS.Platform) =>
    usesOf([item(0, 70), item(7, 25)], platform, 8).map(({ pid, cpuCores }) => [pid, cpuCores])
  expect(coresOf('win32')).toEqual([[7, 2]])
  expect(coresOf('darwin')).toEqual([
    [0, 0.7],
    [7, 0.25],
  ])
})

describe('the largest holders', () => {
  const use = (pid: number, parent: number, memory: number, name = `p${pid}`, cpuCores = 0) => ({
    ...{ pid, parent, name, cpuCores },
    memoryBytes: memory * MB,
  })

  it('are five of those that are not ours, by their part of memory and cores', () => {
    const processes = [
      use(1, 0, 2),
      use(10, 1, 500, 'ours'),
      use(11, 10, 400, 'our worker'),
      ...[1, 2, 3, 4, 5].map((n) => use(20 + n, 1, n * 10)),
      use(30, 1, 1, 'busy', 4),
      use(31, 1, 0.1, 'idle'),
    ]
    expect(foreignHolders(processes, [], [cpu], treeOf(10, processes)).map(({ name }) => name)).toEqual([
      'busy',
      'p25',
      'p24',
      'p23',
      'p22',
    ])
  })

  it('on a GPU are those that nvidia-smi lists, by name without folder', () => {
    const xml = `<?xml version="1.0" ?><nvidia_smi_log><gpu id="00000000:81:00.0"><processes>
      <process_info><pid>77</pid><type>C</type><process_name>/opt/\u202ea/trainer</process_name><used_memory>2048 MiB</used_memory></process_info>
      <process_info><pid>11</pid><type>C</type><process_name>ours</process_name><used_memory>9 MiB</used_memory></process_info>
      <process_info><pid>78</pid><type>G</type><process_name>Xorg</process_name><used_memory>N/A</used_memory></process_info>
    </processes></gpu></nvidia_smi_log>`
    const gpu: Device = { ...cpu, id: 'gpu-1', kind: 'gpu', properties: { pciAddress: '0000:81:00.0' } }
    const processes = [use(10, 1, 1), use(11, 10, 1), use(77, 1, 30)]
    const holders = (loads?: [number, number][]) =>
      foreignHolders(
        processes,
        parseNvidiaProcesses(xml),
        [cpu, gpu],
        treeOf(10, processes),
        new Map(loads && [['gpu-1', new Map(loads)]]),
      ).filter(({ device }) => device === 'gpu-1')
    const trainer = {
      ...{ device: 'gpu-1', name: 'trainer', pid: 77 },
      ...{ memoryBytes: 30 * MB, gpuMemoryBytes: 2048 * 1024 * 1024 },
    }
    expect(holders()).toEqual([trainer])
    // Told of another program only.
    expect(holders([[11, 1]])).toEqual([trainer])
    expect(holders([[77, 0.4]])).toEqual([{ ...trainer, gpu: 0.4 }])
  })

  it('are not ours for a while after they ended: tools still tell of them', () => {
    let now = 0
    const own = createOwnProcesses(10, () => now)
    expect(own.among([use(10, 1, 1), use(11, 10, 1), use(12, 1, 1)])).toEqual(new Set([10, 11]))
    now = 9_000
    expect(own.among([use(10, 1, 1), use(12, 1, 1)])).toEqual(new Set([10, 11]))
    now = 11_000
    expect(own.among([use(10, 1, 1), use(12, 1, 1)])).toEqual(new Set([10]))
  })

  it('have names that do no harm', () => {
    expect(plainName('a\nb\u202Egnp.exe')).toBe('a\uFFFDb\uFFFDgnp.exe')
    expect(plainName('\u0007'.repeat(3))).toBe('\uFFFD'.repeat(3))
    expect(plainName('  ')).toBe('a program without a name')
    expect([...plainName('😀'.repeat(100))]).toHaveLength(64)
    const stat = `42 (evil) R 1 (\n) S 7 ${'0 '.repeat(9)}30 12 ${'0 '.repeat(6)}99 0 5 0`
    expect(parseStat(stat)).toMatchObject({
      pid: 42,
      name: 'evil) R 1 (\n',
      parent: 7,
      ticks: 42,
      startedAt: 99,
    })
    expect(parseStat('')).toBeNull()
  })

  it('are named where they are in the way', async () => {
    const host = createFakeHost([fakeCpu(8, 10_000 * MB)])
    host.reading = {
      readings: [{ device: 'cpu0', load: 0, memoryUsedBytes: 8000 * MB, memoryTotalBytes: 10_000 * MB }],
      childrenMemoryBytes: 0,
    }
    host.foreign = [{ device: 'cpu0', name: 'firefox', pid: 7, memoryBytes: 6000 * MB, cpuCores: 1 }]
    const fixture = await createCoreFixture({ host })
    await fixture.clock.advance(1000)
    const refusal = await refusalOf(() => fixture.core.allocate({ memoryBytes: 4000 * MB }, by('a')))
    expect(refusal.code).toBe('core.unavailable')
    expect(refusal.message).toContain('6 GB of memory held by firefox (outside LLMAgentOS)')
    expect(fixture.core.resources().foreignHolders).toEqual(host.foreign)
    await fixture.close()
  })
})
