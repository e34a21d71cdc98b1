import { readFileSync } from 'node:fs'
import { appendFile, mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { Enforcement } from '../../../../shared/contract'
import { codeOf } from '../../../platform/error-code'

export interface GroupLimits {
  cpuCores: number
  memoryBytes: number
  /** 0 to 100. */
  priority: number
}

const PREFIX = 'llmagentos-'
/** What was killed in a group is in it until the kernel is done with it. */
const REMOVE_TRIES = 20
const REMOVE_AGAIN_MS = 50
const LIMITS = ['memory.max', 'memory.high', 'cpu.max']
const PERIOD_US = 100_000
/** The least that the kernel takes for a quota. */
const LEAST_QUOTA_US = 1000
/** A priority of 50 has the weight of a group that nobody has set one for. */
const WEIGHT_PER_PRIORITY = 2

/**
 * A control group (v2) for each worker, below or beside our own, where the system lets us make one.
 * https://docs.kernel.org/admin-guide/cgroup-v2.html
 */
export class ControlGroups {
  readonly means: Enforcement
  /** Holds the groups of the workers; null where it is not in force. */
  readonly #folder: string | null

  private constructor(folder: string | null, reason: string | null) {
    this.#folder = folder
    this.means = { name: 'cgroup', inForce: folder !== null, reason }
  }

  static async open(root = '/sys/fs/cgroup', self = '/proc/self/cgroup'): Promise<ControlGroups> {
    if (process.platform !== 'linux') return new ControlGroups(null, 'Control groups are a part of Linux.')
    if ((await read(join(root, 'cgroup.controllers'))) === null) {
      return new ControlGroups(null, 'Control groups of version 2 are not mounted here.')
    }
    const path = /^0::(.*)$/m.exec((await read(self)) ?? '')?.[1] ?? '/'
    const own = resolve(join(root, path))
    // A group with processes in it cannot divide what it has: then the groups lie beside it, where its limits do not hold.
    const isRoot = own === resolve(root)
    const isLimited = !isRoot && (await hasLimits(own))
    const places = isRoot || isLimited ? [own] : [own, dirname(own)]
    const hint = isLimited
      ? 'It has limits of its own, which workers beside it would not keep: set them for its slice instead.'
      : 'Start LLMAgentOS where groups are delegated, for example by systemd-run --user --scope -p Delegate=yes.'
    let reason = ''
    for (const place of places) {
      const folder = join(place, `${PREFIX}${process.pid}`)
      try {
        await divide(place)
        await removeAbandoned(place)
        await mkdir(folder)
        await divide(folder)
        return new ControlGroups(folder, null)
      } catch (error) {
        await rmdir(folder).catch(() => undefined)
        reason = `No group can be made here: ${wordsOf(error)}. ${hint}`
      }
    }
    return new ControlGroups(null, reason)
  }

  /** Makes a group for a worker, without limits and with nothing in it. */
  async make(name: string): Promise<void> {
    if (this.#folder !== null) await mkdir(join(this.#folder, name), { recursive: true })
  }

  /** Puts processes into a group; what they begin from then on is in it by itself. */
  async add(name: string, pids: readonly number[]): Promise<void> {
    if (this.#folder === null) return
    // The kernel takes one a write.
    for (const pid of pids) {
      try {
        await appendFile(join(this.#folder, name, 'cgroup.procs'), `${pid}\n`)
      } catch (error) {
        // A process that has just ended.
        if (codeOf(error) !== 'ESRCH') throw error
      }
    }
  }

  /** @param limits null: none */
  async limit(name: string, limits: GroupLimits | null): Promise<void> {
    if (this.#folder === null) return
    const folder = join(this.#folder, name)
    const quotaUs = limits && Math.max(LEAST_QUOTA_US, Math.round(limits.cpuCores * PERIOD_US))
    const weight = limits ? Math.max(1, Math.round(limits.priority * WEIGHT_PER_PRIORITY)) : 100
    await writeFile(join(folder, 'memory.max'), String(limits?.memoryBytes ?? 'max'))
    await writeFile(join(folder, 'cpu.max'), `${quotaUs ?? 'max'} ${PERIOD_US}`)
    await writeFile(join(folder, 'cpu.weight'), String(weight))
  }

  /**
   * Whether the kernel has ended something in the group for what the group took. `oom` counts only where its own limit was
   * hit, `oom_kill` also where the machine or a group around it had no memory left. At once: the worker has just died.
   */
  ranOutOfMemory(name: string): boolean {
    if (this.#folder === null) return false
    try {
      const events = readFileSync(join(this.#folder, name, 'memory.events'), 'utf8')
      return /^oom [1-9]/m.test(events) && /^oom_kill [1-9]/m.test(events)
    } catch {
      // It died before it was put into its group.
      return false
    }
  }

  /** When the worker is gone. */
  async remove(name: string): Promise<void> {
    if (this.#folder !== null) await removeGroup(join(this.#folder, name))
  }

  /** When all workers are gone. */
  async dispose(): Promise<void> {
    if (this.#folder !== null) await rmdir(this.#folder).catch(() => undefined)
  }
}

async function hasLimits(folder: string): Promise<boolean> {
  const limits = await Promise.all(LIMITS.map((file) => read(join(folder, file))))
  return limits.some((limit) => limit !== null && !limit.startsWith('max'))
}

/** Lets the groups below a group have limits of their own. */
async function divide(folder: string): Promise<void> {
  const file = join(folder, 'cgroup.subtree_control')
  const isDivided = async () => {
    const controllers = (await read(file)) ?? ''
    return /\bcpu\b/.test(controllers) && /\bmemory\b/.test(controllers)
  }
  if (await isDivided()) return
  await writeFile(file, '+cpu +memory')
  if (!(await isDivided())) throw new Error('the controllers of CPU and memory are not to be had')
}

/** With what is still in it: what a worker has started may have left its process group, never its control group. */
async function removeGroup(folder: string): Promise<void> {
  // Since Linux 5.14.
  await writeFile(join(folder, 'cgroup.kill'), '1', { flag: 'r+' }).catch(() => undefined)
  for (let tries = 0; tries < REMOVE_TRIES; tries++) {
    try {
      return await rmdir(folder)
    } catch (error) {
      if (codeOf(error) !== 'EBUSY') return
      await setTimeout(REMOVE_AGAIN_MS)
    }
  }
}

/** Groups of runs that were killed. */
async function removeAbandoned(place: string): Promise<void> {
  for (const name of await readdir(place)) {
    if (!/^llmagentos-\d+$/.test(name)) continue
    const pid = Number(name.slice(PREFIX.length))
    // We have made none yet: one with our own id was made by a run that had the id before us.
    if (pid !== process.pid && isAlive(pid)) continue
    const folder = join(place, name)
    for (const entry of await readdir(folder, { withFileTypes: true }))
      if (entry.isDirectory()) await removeGroup(join(folder, entry.name))
    await rmdir(folder).catch(() => undefined)
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return codeOf(error) === 'EPERM'
  }
}

function wordsOf(error: unknown): string {
  const code = codeOf(error)
  if (code === 'EROFS' || code === 'EACCES' || code === 'EPERM') return 'they may not be written'
  if (code === 'EBUSY') return 'our own group has other processes in it'
  return error instanceof Error ? error.message : String(error)
}

async function read(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch {
    // Not there, or not for us.
    return null
  }
}
