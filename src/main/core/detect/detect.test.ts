import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { scanAccel, scanFpgaManagers } from './accelerators'
import { parseRocmSmi } from './amd'
import { parseSystemProfiler } from './apple'
import { parseCpuMax, readConfinedUse, readConfinement } from './cgroup'
import { mergeDevices } from './merge'
import { withNumaNodes } from './numa'
import {
  nvidiaLoadCalls,
  parseNvidiaLoad,
  parseNvidiaProcesses,
  parseNvidiaRow,
  parseNvidiaSmi,
} from './nvidia'
import { normalAddress, type PciFunction, pciName, scanPci } from './pci'
import { runTool } from './run-tool'
import { parseXbutil } from './xilinx'

const recorded = (name: string) => readFile(new URL(`./recorded/${name}`, import.meta.url), 'utf8')
const MIB = 1024 * 1024

describe('nvidia-smi -q -x', () => {
  it('reads two GPUs of schema v13; memory the driver keeps is no capacity', async () => {
    const gpus = parseNvidiaSmi(await recorded('nvidia-smi-v13-two-a5000.xml'))
    expect(gpus).toHaveLength(2)
    expect(gpus[0]).toEqual({
      id: 'gpu-0000-81-00.0',
      kind: 'gpu',
      name: 'NVIDIA RTX A5000',
      vendor: 'NVIDIA',
      capacity: { gpu: 1, gpuMemoryBytes: (24564 - 450) * MIB },
      properties: {
        pciAddress: '0000:81:00.0',
        uuid: 'GPU-11111111-aaaa-bbbb-cccc-000000000001',
        driverVersion: '590.44.01',
        cudaVersion: '13.1',
        architecture: 'Ampere',
      },
      health: 'ok',
      foundBy: 'nvidia-smi -q -x',
      address: '0000:81:00.0',
    })
    expect(gpus[1]?.id).toBe('gpu-0000-c1-00.0')
  })

  it('offers the parts of a GPU that is cut into MIG devices, not the whole', async () => {
    const parts = parseNvidiaSmi(await recorded('nvidia-smi-v12-a100-mig.xml'))
    expect(parts.map(({ id }) => id)).toEqual([3, 4, 5, 6].map((n) => `gpu-0000-01-00.0-mig-${n}-0`))
    expect(parts[0]?.capacity).toEqual({ gpu: 1, gpuMemoryBytes: 19968 * MIB })
  })

  it('knows a MIG device by its own UUID, and by none where that is not told: that of the GPU names another one', async () => {
    const xml = await recorded('nvidia-smi-v12-a100-mig.xml')
    const uuids = (parts: ReturnType<typeof parseNvidiaSmi>) =>
      parts.map(({ properties }) => properties['uuid'])
    expect(uuids(parseNvidiaSmi(xml, await recorded('nvidia-smi-L-a100-mig.txt')))).toEqual(
      [0, 1, 2, 3].map((n) => `MIG-33333333-aaaa-5555-cccc-00000000000${n}`),
    )
    expect(uuids(parseNvidiaSmi(xml))).toEqual(new Array(4).fill(undefined))
  })

  it('reads schema v11, which tells no reserved memory', async () => {
    const [gpu] = parseNvidiaSmi(await recorded('nvidia-smi-v11-gt1030.xml'))
    expect(gpu?.capacity).toEqual({ gpu: 1, gpuMemoryBytes: 1998 * MIB })
    expect(gpu?.properties).not.toHaveProperty('architecture')
  })

  it('says when the driver asks for a reset', async () => {
    const xml = await recorded('nvidia-smi-v13-two-a5000.xml')
    const [gpu] = parseNvidiaSmi(
      xml.replace('<gpu_recovery_action>None<', '<gpu_recovery_action>Drain and Reset<'),
    )
    expect(gpu).toMatchObject({
      health: 'degraded',
      properties: { problem: 'The driver asks for: Drain and Reset.' },
    })
  })

  it('finds nothing in what is no report', () => {
    expect(parseNvidiaSmi('<nvidia_smi_log></nvidia_smi_log>')).toEqual([])
    expect(parseNvidiaSmi('NVIDIA-SMI has failed')).toEqual([])
  })

  it('never makes a device with an amount that is no number, whatever the report', async () => {
    const xml = await recorded('nvidia-smi-v13-two-a5000.xml')
    fc.assert(
      fc.property(fc.nat(xml.length), fc.nat(200), fc.string(), (at, length, noise) => {
        let gpus: ReturnType<typeof parseNvidiaSmi> = []
        try {
          gpus = parseNvidiaSmi(xml.slice(0, at) + noise + xml.slice(at + length))
        } catch (error) {
          // A parser that refuses is fine: the scan notes that the tool failed.
          expect(error).toBeInstanceOf(Error)
        }
        for (const { capacity } of gpus) {
          expect(Object.values(capacity).every((amount) => Number.isFinite(amount))).toBe(true)
        }
      }),
      { numRuns: 100 },
    )
  })

  it('reads a line of the running report', () => {
    expect(parseNvidiaRow('1, 00000000:81:00.0, 37, 22437, 24564, 61, 201.35')).toEqual({
      index: 1,
      address: '0000:81:00.0',
      load: 0.37,
      memoryUsedBytes: 22437 * MIB,
      memoryTotalBytes: 24564 * MIB,
      temperatureC: 61,
      powerW: 201.35,
    })
    expect(parseNvidiaRow('1, 00000000:01:00.0, [N/A], 50, 81920, 27, [N/A]')).toMatchObject({
      load: 0,
      temperatureC: 27,
    })
    expect(parseNvidiaRow('1, 00000000:01:00.0, [N/A], 50, 81920, 27, [N/A]')).not.toHaveProperty('powerW')
    expect(parseNvidiaRow('No devices were found')).toBeNull()
  })

  it('reads what programs do on GPUs, and takes no other line for it', async () => {
    const told = (text: string) => text.split('\n').flatMap((line) => parseNvidiaLoad(line) ?? [])
    expect(told(await recorded('nvidia-smi-pmon-h200.txt'))).toEqual([
      { index: 0, pid: 494, load: 0.98 },
      { index: 0, pid: 495, load: 0 },
      { index: 0, pid: null, load: 0 },
    ])
    // Of a driver with fewer columns.
    expect(parseNvidiaLoad('    1       2203     G      7      1      -      -   Xorg           ')).toEqual({
      ...{ index: 1, pid: 2203, load: 0.07 },
    })
    for (const line of [
      '',
      'Invalid combination',
      '0 none C 1 1',
      '# gpu pid type sm',
      '-1 5 C 9 9',
      '0 5 C 9',
    ])
      expect(parseNvidiaLoad(line)).toBeNull()
  })

  it('asks for the programs on every GPU, four a call, and names none where one call tells of all', () => {
    const named = (count: number) =>
      nvidiaLoadCalls([...Array(count).keys()].reverse()).map((call) => call.slice(5).join(' '))
    expect(nvidiaLoadCalls([])).toEqual([['pmon', '-s', 'u', '-d', '1']])
    expect([0, 4].map(named)).toEqual([[''], ['']])
    expect(named(5)).toEqual(['-i 0,1,2,3', '-i 4'])
    expect(named(11)).toEqual(['-i 0,1,2,3', '-i 4,5,6,7', '-i 8,9,10'])
  })

  it('reads an H200, with the driver of 2026', async () => {
    const xml = await recorded('nvidia-smi-v13-h200.xml')
    expect(parseNvidiaSmi(xml)).toMatchObject([
      {
        id: 'gpu-0000-00-06.0',
        name: 'NVIDIA H200',
        capacity: { gpu: 1, gpuMemoryBytes: (143771 - 616) * MIB },
        properties: { architecture: 'Hopper', cudaVersion: '13.0' },
        health: 'ok',
      },
    ])
    expect(parseNvidiaProcesses(xml)).toMatchObject([
      { pid: 494, name: 'python3', memoryBytes: 966 * MIB, migInstance: null },
      { pid: 495, name: 'python3', memoryBytes: 730 * MIB, migInstance: null },
    ])
  })
})

describe('rocm-smi --json', () => {
  it('reads the spelling of ROCm 4', async () => {
    expect(parseRocmSmi(await recorded('rocm-smi-4-mi50.json'))).toMatchObject([
      {
        id: 'gpu-0000-63-00.0',
        name: 'Radeon Instinct MI50 32GB',
        vendor: 'AMD',
        capacity: { gpu: 1, gpuMemoryBytes: 34342961152 },
        properties: { driverVersion: '5.9.17', uuid: '0x4444444444444441' },
      },
    ])
  })

  it('reads several cards, and is not misled by "system"', async () => {
    const cards = parseRocmSmi(await recorded('rocm-smi-6.0-two-mi100.json'))
    expect(cards.map(({ id }) => id)).toEqual(['gpu-0000-83-00.0', 'gpu-0000-a3-00.0'])
  })

  it('reads the spelling of ROCm 6.1, after a warning', async () => {
    const [card] = parseRocmSmi(
      `WARNING: AMD GPU device(s) is/are in a low-power state.\n${await recorded('rocm-smi-6.1-rx6700xt.json')}`,
    )
    expect(card).toMatchObject({
      name: 'Navi 22 [Radeon RX 6700/6700 XT / 6800M]',
      capacity: { gpu: 1, gpuMemoryBytes: 12868124672 },
      properties: { architecture: 'gfx1031' },
    })
    expect(card?.properties).not.toHaveProperty('uuid')
  })
})

describe('xbutil examine, xrt-smi examine', () => {
  it('finds an Alveo card by its slot', async () => {
    expect(parseXbutil(await recorded('xbutil-u55c.json'))).toMatchObject([
      {
        id: 'fpga-0000-04-00',
        kind: 'fpga',
        name: 'xilinx_u55c_gen3x16_xdma_base_3',
        capacity: { fpga: 1 },
        health: 'ok',
        foundBy: 'xbutil examine --format JSON',
      },
    ])
  })

  it('says that a card without a shell is not ready', async () => {
    const cards = parseXbutil(await recorded('xbutil-u250-golden.json'))
    expect(cards.map(({ health }) => health)).toEqual(['ok', 'degraded'])
  })

  it('knows that Ryzen AI is an NPU', async () => {
    expect(parseXbutil(await recorded('xrt-smi-ryzen.json'), 'xrt-smi')).toMatchObject([
      {
        id: 'npu-0000-c5-00.1',
        kind: 'npu',
        name: 'NPU Strix',
        capacity: { npu: 1 },
        foundBy: 'xrt-smi examine --format JSON',
      },
    ])
  })

  it('reads an empty list as Boost prints it', () => {
    expect(parseXbutil('{"system":{"host":{"devices":""}}}')).toEqual([])
  })
})

describe('system_profiler', () => {
  it('finds the GPU of Apple silicon, which shares the memory of the host', async () => {
    expect(parseSystemProfiler(await recorded('system-profiler-m3-max.json'))).toMatchObject([
      {
        name: 'Apple M3 Max',
        vendor: 'Apple',
        capacity: { gpu: 1 },
        properties: { gpuCores: 40, sharedMemory: true },
      },
    ])
  })
})

describe('the bus', () => {
  let root: string
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'sys-'))
  })
  afterEach(() => rm(root, { recursive: true }))

  async function put(address: string, files: Record<string, string>, driver?: string) {
    await mkdir(join(root, address), { recursive: true })
    for (const [name, text] of Object.entries(files)) await writeFile(join(root, address, name), `${text}\n`)
    if (driver) await symlink(`../../../bus/pci/drivers/${driver}`, join(root, address, 'driver'))
  }

  it('reads the classes that may compute, with driver and memory of amdgpu', async () => {
    await put('0000:00:02.0', { class: '0x060000', vendor: '0x8086', device: '0x0d57' })
    await put(
      '0000:03:00.0',
      { class: '0x030000', vendor: '0x1002', device: '0x73df', mem_info_vram_total: '12868124672' },
      'amdgpu',
    )
    await put('0000:04:00.0', { class: '0x120000', vendor: '0x10ee', device: '0x505c' }, 'xclmgmt')
    await put('0000:05:00.0', { class: 'garbage', vendor: '0x10ee', device: '0x505c' })
    expect(await scanPci(root)).toEqual([
      {
        address: '0000:03:00.0',
        class: '0300',
        vendorId: '1002',
        deviceId: '73df',
        driver: 'amdgpu',
        memoryBytes: 12868124672,
      },
      {
        address: '0000:04:00.0',
        class: '1200',
        vendorId: '10ee',
        deviceId: '505c',
        driver: 'xclmgmt',
        memoryBytes: null,
      },
    ])
  })

  it('finds FPGA managers and accel nodes, and nothing where there is nothing', async () => {
    await put('fpga0', { name: 'Xilinx Zynq FPGA Manager' })
    expect(await scanFpgaManagers(root)).toMatchObject([
      { id: 'fpga-fpga0', name: 'Xilinx Zynq FPGA Manager', vendor: 'AMD Xilinx', address: null },
    ])
    await mkdir(join(root, 'accel'))
    await writeFile(join(root, 'accel', 'accel0'), '')
    await put('class/0000:00:0b.0', { vendor: '0x8086', device: '0x7d1d' })
    await mkdir(join(root, 'class', 'accel0'))
    await symlink(join(root, 'class', '0000:00:0b.0'), join(root, 'class', 'accel0', 'device'))
    expect(await scanAccel(root, join(root, 'class'))).toMatchObject([
      { id: 'npu-0000-00-0b.0', vendor: 'Intel', capacity: { npu: 1 }, properties: { pciId: '8086:7d1d' } },
    ])
    expect(await scanFpgaManagers('/nowhere')).toEqual([])
    expect(await scanAccel('/nowhere', '/nowhere')).toEqual([])
    expect(await scanPci('/nowhere')).toEqual([])
  })

  it('reads the limits of control groups, the lowest on the way up', async () => {
    await put('cg', { 'cpu.max': 'max 100000', 'memory.max': 'max' })
    await put('cg/outer', { 'cpu.max': '150000 100000', 'memory.max': '4294967296' })
    await put('cg/outer/inner', {
      'cpu.max': '400000 100000',
      'memory.max': '8589934592',
    })
    await writeFile(join(root, 'self'), '0::/outer/inner\n')
    expect(await readConfinement(join(root, 'self'), join(root, 'cg'))).toEqual({
      cores: 1.5,
      memoryBytes: 4294967296,
      memoryFolder: join(root, 'cg', 'outer'),
    })
    await put('cg/outer', {
      'memory.current': '3000',
      'memory.stat': 'anon 1000\ninactive_file 800\nactive_file 70',
    })
    expect(await readConfinedUse(join(root, 'cg', 'outer'))).toBe(2130)
    expect(parseCpuMax('max 100000')).toBeNull()
    await writeFile(join(root, 'self'), '4:memory:/box\n1:cpu:/box\n')
    await put('v1/memory/box', { 'memory.limit_in_bytes': '1073741824' })
    await put('v1/memory', { 'memory.limit_in_bytes': '9223372036854771712' })
    await put('v1/cpu/box', { 'cpu.cfs_quota_us': '50000', 'cpu.cfs_period_us': '100000' })
    expect(await readConfinement(join(root, 'self'), join(root, 'v1'))).toMatchObject({
      cores: 0.5,
      memoryBytes: 1073741824,
    })
    await put('v1/memory/box', {
      'memory.usage_in_bytes': '3000',
      'memory.stat': 'inactive_file 5\nactive_file 1\ntotal_inactive_file 800\ntotal_active_file 70',
    })
    expect(await readConfinedUse(join(root, 'v1', 'memory', 'box'))).toBe(2130)
  })
})

describe('one device of what several sources found', () => {
  const onBus = (values: Partial<PciFunction>): PciFunction => ({
    address: '0000:81:00.0',
    class: '0300',
    vendorId: '10de',
    deviceId: '2231',
    driver: 'nvidia',
    memoryBytes: null,
    ...values,
  })

  it('joins the tool and the bus by address', async () => {
    const devices = mergeDevices(
      [onBus({})],
      parseNvidiaSmi(await recorded('nvidia-smi-v13-two-a5000.xml')),
      null,
    )
    expect(devices.map(({ id }) => id)).toEqual(['gpu-0000-81-00.0', 'gpu-0000-c1-00.0'])
    expect(devices[0]).toMatchObject({
      foundBy: 'nvidia-smi -q -x, /sys/bus/pci',
      properties: { driver: 'nvidia' },
    })
    expect(devices[0]).not.toHaveProperty('address')
  })

  it('offers nothing of which only a tool could tell that gave no answer', () => {
    const other = onBus({ address: '0000:02:00.0', vendorId: '1002', driver: 'amdgpu' })
    expect(mergeDevices([onBus({}), other], [], null, ['nvidia-smi'])).toMatchObject([
      { health: 'degraded', properties: { problem: expect.stringContaining('nvidia-smi gives no answer') } },
      { health: 'ok' },
    ])
  })

  it('does not offer a MIG GPU a second time as a whole', async () => {
    const devices = mergeDevices(
      [onBus({ address: '0000:01:00.0' })],
      parseNvidiaSmi(await recorded('nvidia-smi-v12-a100-mig.xml')),
      null,
    )
    expect(devices).toHaveLength(4)
  })

  it('takes the two functions of an FPGA card as one', async () => {
    const functions = ['0000:04:00.0', '0000:04:00.1'].map((address) =>
      onBus({ address, class: '1200', vendorId: '10ee', deviceId: '505c' }),
    )
    expect(mergeDevices(functions, parseXbutil(await recorded('xbutil-u55c.json')), null)).toHaveLength(1)
    expect(mergeDevices(functions, [], null)).toMatchObject([
      { id: 'fpga-0000-04-00', kind: 'fpga', foundBy: '/sys/bus/pci' },
    ])
  })

  it('leaves out adapters that only draw a console', () => {
    const consoles = [
      ['1234', '1111'],
      ['1013', '00b8'],
      ['1af4', '1050'],
      ['1b36', '0100'],
      ['1a03', '2000'],
      ['102b', '0536'],
      ['15ad', '0405'],
      ['1d0f', '1111'],
    ] as const
    expect(
      mergeDevices(
        consoles.map(([vendorId, deviceId]) => onBus({ vendorId, deviceId })),
        [],
        null,
      ),
    ).toEqual([])
  })

  it('says what is missing when no driver is bound, and takes the name from the database', () => {
    const names =
      '# comment\n1002  Advanced Micro Devices\n\t73df  Wrong\n10de  NVIDIA Corporation\n\t2230  Other\n\t2231  GA102GL [RTX A5000]\n\t\t10de 147e  Sub\nC 00  Unclassified\n'
    expect(mergeDevices([onBus({ driver: null })], [], names)).toMatchObject([
      {
        name: 'GA102GL [RTX A5000]',
        vendor: 'NVIDIA',
        health: 'degraded',
        properties: { problem: expect.stringContaining('driver') },
      },
    ])
    expect(pciName(names, '10de', '73df')).toBeNull()
    expect(pciName(names, '9999', '73df')).toBeNull()
  })

  it('writes an address one way', () => {
    expect(normalAddress('00000000:2D:00.0')).toBe('0000:2d:00.0')
    expect(normalAddress('2d:00.1')).toBe('0000:2d:00.1')
    expect(normalAddress('10000:e1:00.0')).toBe('10000:e1:00.0')
    expect(normalAddress('card0')).toBeNull()
  })
})

describe('running a tool', () => {
  it('tells absent, failed and answered apart', async () => {
    expect(await runTool('no-such-tool-at-all', [])).toEqual({ state: 'absent' })
    // Below a file: Node throws.
    expect(await runTool('no-such-tool-at-all', [], [process.execPath])).toEqual({ state: 'absent' })
    expect(await runTool(process.execPath, ['-e', 'console.log("hello")'])).toEqual({
      state: 'answered',
      stdout: 'hello\n',
    })
    expect(await runTool(process.execPath, ['-e', 'console.log("no driver"); process.exit(9)'])).toEqual({
      state: 'failed',
      why: 'no driver',
    })
  })
})

describe('NUMA nodes', () => {
  let sys: string
  beforeEach(async () => {
    sys = await mkdtemp(join(tmpdir(), 'numa-'))
    await mkdir(join(sys, 'devices/system/node'), { recursive: true })
    for (const [address, node] of [
      ['0000:81:00.0', '1\n'],
      ['0000:01:00.0', '-1\n'],
    ] as const) {
      await mkdir(join(sys, 'bus/pci/devices', address), { recursive: true })
      await writeFile(join(sys, 'bus/pci/devices', address, 'numa_node'), node)
    }
  })
  afterEach(() => rm(sys, { recursive: true, force: true }))

  const found = (kind: 'cpu' | 'gpu', pciAddress?: string) => ({
    ...{
      id: pciAddress ?? kind,
      kind,
      name: '',
      vendor: '',
      capacity: {},
      health: 'ok' as const,
      foundBy: '',
    },
    properties: (pciAddress ? { pciAddress } : {}) as Record<string, string>,
  })
  const nodesOf = async () =>
    (
      await withNumaNodes([found('cpu'), found('gpu', '0000:81:00.0'), found('gpu', '0000:01:00.0')], sys)
    ).map(({ properties }) => properties['numaNode'] ?? properties['numaNodes'] ?? null)

  it('are those of the bus, of all devices where there is one, and of none where nobody says', async () => {
    expect(await nodesOf()).toEqual([null, null, null])
    await writeFile(join(sys, 'devices/system/node/online'), '0\n')
    expect(await nodesOf()).toEqual([0, 0, 0])
    await writeFile(join(sys, 'devices/system/node/online'), '0-1\n')
    expect(await nodesOf()).toEqual([2, 1, null])
  })
})
