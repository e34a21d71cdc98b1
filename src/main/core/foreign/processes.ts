import { readdir, readFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { join } from 'node:path'

/** A program as the system counts it. */
export interface ProcessUse {
  pid: number
  parent: number
  name: string
  memoryBytes: number
  /** Cores in use since the last reading; 0 in the first. */
  cpuCores: number
}

/** Read at once; the rest waits, so that other work comes in between. */
const CHUNK = 16
/** Of so many the memory is read exactly: what they share with others, such as mapped files, is no use of theirs. */
const EXACT = 20
/** Ticks a second of `/proc/PID/stat`, for all programs on Linux. */
const TICKS = 100
const PAGE_BYTES = 4096

/** Reads the processes of this machine without blocking: files of `/proc` on Linux, systeminformation elsewhere. */
export function createProcessReader(now: () => number, root = '/proc') {
  let before: { at: number; ticks: Map<string, number> } | null = null

  async function readLinux(): Promise<ProcessUse[]> {
    const at = now()
    const elapsedSeconds = before ? Math.max(0.001, (at - before.at) / 1000) : null
    const pids = (await readdir(root)).filter((name) => /^\d+$/.test(name))
    const read = await inChunks(pids, (pid) => readFile(join(root, pid, 'stat'), 'utf8').catch(() => ''))
    const ticks = new Map<string, number>()
    const all = read.flatMap((text) => {
      const stat = parseStat(text)
      if (!stat) return []
      const key = `${stat.pid}/${stat.startedAt}`
      ticks.set(key, stat.ticks)
      const used = stat.ticks - (before?.ticks.get(key) ?? stat.ticks)
      const cpuCores = elapsedSeconds === null ? 0 : used / TICKS / elapsedSeconds
      const { pid, parent, name, pages } = stat
      return [{ pid, parent, name, memoryBytes: pages * PAGE_BYTES, cpuCores }]
    })
    before = { at, ticks }
    const largest = [...all].sort((a, b) => b.memoryBytes - a.memoryBytes).slice(0, EXACT)
    await inChunks(largest, async (item) => {
      const status = await readFile(join(root, String(item.pid), 'status'), 'utf8').catch(() => '')
      const kilobytes = [...status.matchAll(/^(?:RssAnon|RssShmem):\s+(\d+) kB$/gm)]
      if (kilobytes.length > 0)
        item.memoryBytes = kilobytes.reduce((sum, [, amount]) => sum + Number(amount) * 1024, 0)
    })
    return all
  }

  async function readElsewhere(): Promise<ProcessUse[]> {
    const { default: systeminformation } = await import('systeminformation')
    const { list } = await systeminformation.processes()
    return usesOf(list, process.platform, cpus().length)
  }

  return { read: process.platform === 'linux' ? readLinux : readElsewhere }
}

interface Told {
  pid: number
  parentPid: number
  name: string
  /** In KiB. */
  memRss: number
  /** In percent: of one core, on Windows of all of them. */
  cpu: number
}

/** What systeminformation tells of programs; on Windows it takes the time in which no core works for one, with the id 0. */
export function usesOf(list: readonly Told[], platform: NodeJS.Platform, cores: number): ProcessUse[] {
  const isWindows = platform === 'win32'
  return list
    .filter(({ pid }) => !isWindows || pid !== 0)
    .map(({ pid, parentPid, name, memRss, cpu }) => ({
      pid,
      parent: parentPid,
      name,
      memoryBytes: memRss * 1024,
      cpuCores: (cpu / 100) * (isWindows ? cores : 1),
    }))
}

/** https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html; the name may hold anything, spaces and brackets too. */
export function parseStat(text: string) {
  const open = text.indexOf('(')
  const close = text.lastIndexOf(')')
  const fields = text.slice(close + 2).split(' ')
  const field = (number: number) => Number(fields[number - 3])
  if (open < 0 || close < open || fields.length < 22) return null
  return {
    pid: Number(text.slice(0, open)),
    name: text.slice(open + 1, close),
    parent: field(4),
    ticks: field(14) + field(15),
    startedAt: field(22),
    pages: Math.max(0, field(24)),
  }
}

/** A process and all below it. */
export function treeOf(root: number, processes: readonly Pick<ProcessUse, 'pid' | 'parent'>[]): Set<number> {
  const children = new Map<number, number[]>()
  for (const { pid, parent } of processes) {
    const known = children.get(parent)
    if (known) known.push(pid)
    else children.set(parent, [pid])
  }
  const tree = new Set([root])
  // A set grows while it is walked.
  for (const pid of tree) for (const child of children.get(pid) ?? []) tree.add(child)
  return tree
}

/** Tools tell of a program for some seconds after its end, when nothing shows any more whose it was. */
const REMEMBERED_MS = 10_000

/** The processes that are ours, and those that were until a moment ago. */
export function createOwnProcesses(self: number, now: () => number) {
  const seenAt = new Map<number, number>()
  return {
    among(processes: readonly Pick<ProcessUse, 'pid' | 'parent'>[]): Set<number> {
      const at = now()
      for (const pid of treeOf(self, processes)) seenAt.set(pid, at)
      for (const [pid, seen] of seenAt) if (seen < at - REMEMBERED_MS) seenAt.delete(pid)
      return new Set(seenAt.keys())
    },
  }
}

async function inChunks<T, R>(items: readonly T[], read: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  for (let i = 0; i < items.length; i += CHUNK)
    results.push(...(await Promise.all(items.slice(i, i + CHUNK).map(read))))
  return results
}
