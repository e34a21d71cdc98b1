import { readFile } from 'node:fs/promises'
import os from 'node:os'
import type { Clock } from '../platform/clock'
import { type Confinement, readConfinedUse } from './detect/cgroup'
import type { Reading } from './host'

type CpuTimes = { busy: number; total: number }[]

/** How long a value that costs a process to get is used again. */
const SLOW_MS = 5000

/** Load by core and memory, without blocking: files of `/proc` on Linux, system calls elsewhere. */
export function createHostReader(clock: Clock) {
  let before: CpuTimes | null = null
  let available: { at: number; bytes: number } | null = null
  let own = { at: performance.now(), usage: process.cpuUsage() }

  async function readMemory({
    memoryBytes,
    memoryFolder,
  }: Confinement): Promise<{ used: number; total: number }> {
    const total = os.totalmem()
    if (process.platform === 'linux') {
      const host = parseMeminfo(await readFile('/proc/meminfo', 'utf8'))
      const confined = memoryBytes !== null && memoryBytes < host.total && memoryFolder !== null
      const used = confined ? await readConfinedUse(memoryFolder) : null
      if (!confined || used === null) return host
      // Whichever is nearer to its end counts.
      return { total: memoryBytes, used: Math.max(used, memoryBytes - (host.total - host.used)) }
    }
    if (process.platform !== 'darwin') return { total, used: total - os.freemem() }
    // macOS calls memory that is only cached "used": what can be had is told by vm_stat, a process each time.
    const now = clock.now()
    if (!available || now - available.at >= SLOW_MS) {
      const { default: systeminformation } = await import('systeminformation')
      available = { at: now, bytes: (await systeminformation.mem()).available }
    }
    return { total, used: Math.max(0, total - available.bytes) }
  }

  return {
    async read(confinement: Confinement): Promise<Omit<Reading, 'device'>> {
      const times = process.platform === 'linux' ? parseStat(await readFile('/proc/stat', 'utf8')) : osTimes()
      const memory = await readMemory(confinement)
      const cores = loads(before, times)
      before = times
      return {
        load: cores.length > 0 ? cores.reduce((sum, load) => sum + load, 0) / cores.length : 0,
        cores,
        memoryUsedBytes: memory.used,
        memoryTotalBytes: memory.total,
      }
    },
    /** Cores that this process kept busy since the last call. */
    ownCores(): number {
      const last = own
      own = { at: performance.now(), usage: process.cpuUsage() }
      const usedMs = (own.usage.user + own.usage.system - last.usage.user - last.usage.system) / 1000
      return own.at > last.at ? usedMs / (own.at - last.at) : 0
    },
    readChildrenMemory: () =>
      process.platform === 'linux' ? childrenMemory(process.pid, 3) : Promise.resolve(null),
  }
}

/** Lines `cpuN user nice system idle iowait irq softirq steal ...` of `/proc/stat`, in ticks. */
export function parseStat(text: string): CpuTimes {
  const times: CpuTimes = []
  for (const line of text.split('\n')) {
    if (!/^cpu\d/.test(line)) {
      if (line.startsWith('cpu ')) continue
      break
    }
    // Guest time is part of user time already.
    const ticks = line.split(/\s+/).slice(1, 9).map(Number)
    const total = ticks.reduce((sum, tick) => sum + tick, 0)
    times.push({ total, busy: total - (ticks[3] ?? 0) - (ticks[4] ?? 0) })
  }
  return times
}

/** Bytes from `/proc/meminfo`; what the kernel could give back at once is not used. */
export function parseMeminfo(text: string): { used: number; total: number } {
  const field = (name: string) =>
    Number(text.match(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm'))?.[1] ?? Number.NaN) * 1024
  const total = field('MemTotal')
  // MemAvailable is there since Linux 3.14.
  return { total, used: Math.max(0, total - field('MemAvailable')) }
}

function osTimes(): CpuTimes {
  return os.cpus().map(({ times }) => {
    const total = times.user + times.nice + times.sys + times.idle + times.irq
    return { total, busy: total - times.idle }
  })
}

/** 0 to 1 for each core; zeros when there is nothing to compare with. */
export function loads(before: CpuTimes | null, after: CpuTimes): number[] {
  return after.map(({ busy, total }, core) => {
    const earlier = before?.[core]
    if (!earlier || before?.length !== after.length) return 0
    const elapsed = total - earlier.total
    return elapsed > 0 ? Math.min(1, Math.max(0, (busy - earlier.busy) / elapsed)) : 0
  })
}

/**
 * Anonymous memory of all processes below `pid`, in bytes; null where the kernel does not list children. What they share
 * (code, mapped model files) is cache to the kernel, and not in what it calls used.
 */
async function childrenMemory(pid: number, depth: number): Promise<number | null> {
  const list = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => null)
  if (list === null) return null
  const amounts = await Promise.all(
    list
      .split(' ')
      .filter((child) => Number(child) > 0)
      .map(async (child) => {
        const status = await readFile(`/proc/${child}/status`, 'utf8').catch(() => '')
        const own = Number(status.match(/^RssAnon:\s+(\d+) kB$/m)?.[1] ?? 0) * 1024
        const below = depth > 1 ? await childrenMemory(Number(child), depth - 1) : 0
        return own + (below ?? 0)
      }),
  )
  return amounts.reduce((sum, amount) => sum + amount, 0)
}
