import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import pino from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../platform/clock'
import { detectDevices } from './detect/detect'
import { readAmdGpu } from './read-amd'
import { loads, parseMeminfo, parseStat } from './read-host'
import { createNvidiaWatch } from './watch-nvidia'

const logger = pino({ level: 'silent' })
const none = { cores: null, memoryBytes: null, memoryFolder: null }
const recorded = new URL('./detect/recorded/', import.meta.url).pathname

let folder: string
const path = process.env['PATH']
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tools-'))
})
afterEach(async () => {
  process.env['PATH'] = path
  await rm(folder, { recursive: true })
})

/** Stands in for a vendor's tool: a real process on the path. */
async function tool(name: string, script: string): Promise<string> {
  const file = join(folder, name)
  await writeFile(file, `#!/bin/sh\n${script}\n`)
  await chmod(file, 0o755)
  return file
}

const until = async (condition: () => boolean) => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20))
}

describe.runIf(process.platform === 'linux')('detection through real processes', () => {
  it('asks the tools as they want to be asked, and joins what they say', async () => {
    await tool('nvidia-smi', `[ "$*" = "-q -x" ] && cat ${recorded}nvidia-smi-v13-two-a5000.xml`)
    await tool('rocm-smi', `case "$*" in *--json) cat ${recorded}rocm-smi-6.1-rx6700xt.json;; esac`)
    // Writes to the file after --output and a sentence to the terminal, as the real one.
    await tool(
      'xbutil',
      `[ "$2 $3 $4" = "--format JSON --output" ] && cp ${recorded}xbutil-u55c.json "$5" && echo "Successfully wrote the JSON file: $5"`,
    )
    process.env['PATH'] = `${folder}${delimiter}${path}`
    const { devices, failedTools } = await detectDevices(none, logger)
    expect(failedTools).toEqual([])
    expect(devices.map(({ id }) => id)).toEqual(
      expect.arrayContaining([
        'cpu0',
        'gpu-0000-81-00.0',
        'gpu-0000-c1-00.0',
        'gpu-0000-07-00.0',
        'fpga-0000-04-00',
      ]),
    )
  })

  it('asks once more for the UUIDs of MIG devices', async () => {
    await tool(
      'nvidia-smi',
      `case "$*" in "-q -x") cat ${recorded}nvidia-smi-v12-a100-mig.xml;; -L) cat ${recorded}nvidia-smi-L-a100-mig.txt;; esac`,
    )
    process.env['PATH'] = `${folder}${delimiter}${path}`
    const { devices } = await detectDevices(none, logger)
    expect(devices.find(({ id }) => id === 'gpu-0000-01-00.0-mig-4-0')?.properties).toMatchObject({
      uuid: 'MIG-33333333-aaaa-5555-cccc-000000000001',
      migInstance: '4-0',
    })
  })

  it('goes on without a tool that fails or talks nonsense, and says which', async () => {
    await tool(
      'nvidia-smi',
      'echo "NVIDIA-SMI has failed because it could not communicate with the NVIDIA driver."; exit 9',
    )
    await tool('rocm-smi', 'echo "{ not json"')
    await tool('xbutil', 'exit 0')
    process.env['PATH'] = `${folder}${delimiter}${path}`
    const { devices, failedTools } = await detectDevices(none, logger)
    expect(failedTools).toEqual(['nvidia-smi', 'rocm-smi', 'xbutil'])
    expect(devices[0]?.id).toBe('cpu0')
  })

  it('does not wait for a tool that hangs longer than five seconds', async () => {
    await tool('nvidia-smi', 'exec sleep 60')
    process.env['PATH'] = `${folder}${delimiter}${path}`
    const startedAt = Date.now()
    const { failedTools } = await detectDevices(none, logger)
    expect(failedTools).toEqual(['nvidia-smi'])
    expect(Date.now() - startedAt).toBeLessThan(30_000)
  })

  it('limits the CPU to what the control group allows', async () => {
    const { devices } = await detectDevices({ cores: 0.5, memoryBytes: 1e9, memoryFolder: '/x' }, logger)
    expect(devices[0]).toMatchObject({
      capacity: { cpuCores: 0.5, memoryBytes: 1e9 },
      properties: { confined: true },
      foundBy: expect.stringContaining('control group'),
    })
  })
})

describe.runIf(process.platform !== 'win32')('the running nvidia-smi', () => {
  it('is read line by line, started again when it ends, and ended with us', async () => {
    const starts = join(folder, 'starts')
    const command = await tool(
      'nvidia-smi',
      `echo start >> ${starts}; case "$*" in
        --query-gpu=index,pci*) echo "3, 00000000:81:00.0, 37, 22437, 24564, 61, 201.35"; echo nonsense ;;
        pmon*) echo "# gpu pid type sm"; echo "3 7 C 62 1 - - game"; echo "3 - - - - - - -"; echo "2 8 C 5 1 - - other" ;;
      esac; exec sleep 60`,
    )
    const retries: (() => void)[] = []
    const clock = {
      ...systemClock,
      setTimer: (_: number, callback: () => void) => {
        retries.push(callback)
        return () => undefined
      },
    }
    const watch = createNvidiaWatch({ clock, logger }, command)
    expect(watch.row('0000:81:00.0')).toBeNull()
    watch.watch(true)
    watch.watch(true)
    await until(() => watch.row('0000:81:00.0') !== null)
    expect(watch.row('0000:81:00.0')?.load).toBe(0.37)
    await until(() => watch.loads('0000:81:00.0')?.size === 1)
    expect(watch.loads('0000:81:00.0')).toEqual(new Map([[7, 0.62]]))
    expect(watch.loads('0000:82:00.0')).toBeNull()
    watch.watch(false)
    expect(watch.row('0000:81:00.0')).toBeNull()
    expect(watch.loads('0000:81:00.0')).toBeNull()
    expect(retries).toEqual([])

    // One that hangs is ended, and started again.
    const dumb = createNvidiaWatch(
      { clock: { ...clock, now: () => now }, logger },
      await tool('dumb', 'exec sleep 60'),
    )
    let now = 0
    dumb.watch(true)
    now = 60_000
    dumb.watch(true)
    await until(() => retries.length === 2)
    dumb.watch(false)
    retries.length = 0

    // Both of its reports are retried.
    const short = createNvidiaWatch({ clock, logger }, await tool('short', 'exit 1'))
    short.watch(true)
    await until(() => retries.length === 2)
    retries[0]?.()
    await until(() => retries.length === 3)
    short.watch(false)

    const absent = createNvidiaWatch({ clock, logger }, join(folder, 'absent'))
    absent.watch(true)
    await until(() => retries.length === 5)
    absent.watch(false)

    // Below a file: Node throws.
    const impossible = createNvidiaWatch({ clock, logger }, join(command, 'nvidia-smi'))
    impossible.watch(true)
    expect(retries).toHaveLength(7)
    impossible.watch(false)
  })
})

describe.runIf(process.platform !== 'win32')(
  'nvidia-smi beside more GPUs than one call of it watches',
  () => {
    it('tells of the programs on each, by a call for every four, as long as they are watched', async () => {
      const calls = join(folder, 'calls')
      const command = await tool(
        'nvidia-smi',
        `echo "$$ $*" >> ${calls}; case "$*" in
        --query-gpu=*) for i in 0 1 2 3 4 5; do echo "$i, 00000000:0$i:00.0, 37, 22437, 24564, 61, 201.35"; done ;;
        *"-i 0,1,2,3") echo "0 70 C 10 1 - - a"; echo "3 73 C 30 1 - - b" ;;
        *"-i 4,5") echo "5 75 C 50 1 - - c" ;;
        pmon*) echo "0 70 C 10 1 - - a" ;;
      esac; exec sleep 60`,
      )
      const watch = createNvidiaWatch({ clock: systemClock, logger }, command)
      const loads = (index: number) => watch.loads(`0000:0${index}:00.0`)
      try {
        await until(() => {
          watch.watch(true)
          return loads(5)?.size === 1 && loads(3)?.size === 1
        })
        expect(loads(5)).toEqual(new Map([[75, 0.5]]))
        expect(loads(4)).toBeNull()
      } finally {
        watch.watch(false)
      }
      const started = (await readFile(calls, 'utf8')).trim().split('\n')
      expect(started.map((line) => line.replace(/^\d+ /, ''))).toEqual(
        expect.arrayContaining(['pmon -s u -d 1 -i 0,1,2,3', 'pmon -s u -d 1 -i 4,5']),
      )
      const pids = started.map((line) => Number(line.split(' ')[0]))
      const isRunning = (pid: number) => {
        try {
          return process.kill(pid, 0)
        } catch {
          return false
        }
      }
      await until(() => !pids.some(isRunning))
      expect(loads(5)).toBeNull()
    })
  },
)

describe('reading the host', () => {
  it('computes loads from the ticks between two readings', () => {
    const text = (busy: number) =>
      `cpu  1 2 3 4\ncpu0 ${100 + busy} 0 0 ${100 - busy} 50 0 0 0 0 0\ncpu1 100 0 0 100 0 0 0 0 99 0\nintr 12345\n`
    expect(loads(null, parseStat(text(0)))).toEqual([0, 0])
    const before = parseStat('cpu0 100 0 0 100 0 0 0 0 0 0\ncpu1 100 0 0 100 0 0 0 0 0 0\n')
    const after = parseStat('cpu0 130 0 0 110 60 0 0 0 0 0\ncpu1 100 0 0 100 0 0 0 0 0 0\n')
    expect(loads(before, after)).toEqual([0.3, 0])
    // A core that went offline: nothing to compare with.
    expect(loads(before.slice(1), after)).toEqual([0, 0])
  })

  it('counts memory the kernel could give back as free', () => {
    expect(
      parseMeminfo('MemTotal:       24684084 kB\nMemFree:        1 kB\nMemAvailable:   24291900 kB\n'),
    ).toEqual({
      total: 24684084 * 1024,
      used: (24684084 - 24291900) * 1024,
    })
  })

  it('reads an AMD GPU from /sys, and nothing where there is none', async () => {
    const gpu = join(folder, '0000:03:00.0')
    const { mkdir } = await import('node:fs/promises')
    await mkdir(join(gpu, 'hwmon', 'hwmon4'), { recursive: true })
    for (const [name, value] of Object.entries({
      gpu_busy_percent: 42,
      mem_info_vram_used: 1000,
      mem_info_vram_total: 8000,
      'hwmon/hwmon4/temp1_input': 45000,
      'hwmon/hwmon4/power1_average': 36e6,
    })) {
      await writeFile(join(gpu, name), `${value}\n`)
    }
    expect(await readAmdGpu('0000:03:00.0', folder)).toEqual({
      load: 0.42,
      memoryUsedBytes: 1000,
      memoryTotalBytes: 8000,
      temperatureC: 45,
      powerW: 36,
    })
    expect(await readAmdGpu('0000:04:00.0', folder)).toBeNull()
  })
})
