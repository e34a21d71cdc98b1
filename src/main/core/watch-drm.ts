import { readlinkSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createBreather } from '../platform/breather'
import { type DrmClient, engineShares, parseDrmClient } from './detect/drm'
import type { GpuProcess } from './detect/nvidia'
import type { ProcessUse } from './foreign/processes'

/** Links that are followed in one look at processes that are not ours; a process counts as some, though it has none open. */
const MOST_LINKS = 2000
const LINKS_OF_A_PROCESS = 10
/** Of one process; browsers have a dozen. */
const MOST_FILES = 64
/** Read at once; the rest waits, so that other work comes in between. */
const CHUNK = 16

/** What the kernel tells of the programs on GPUs. */
export interface DrmReading {
  programs: GpuProcess[]
  /** By address of the GPU, then by process, 0 to 1; not of a process of which no engine is counted. */
  loads: ReadonlyMap<string, ReadonlyMap<number, number>>
}

/** A client at the time of a look, with the process that is taken for its owner. */
interface Seen {
  client: DrmClient
  pid: number
  at: number
}

/**
 * Which processes use the GPUs of drivers that tell it in `/proc`, and how much. To find the files that are open on a GPU
 * all links of a process have to be followed: of our own at every look, of the others a part, those first that have
 * waited longest. What another user's process does is not to be seen by everyone, so what is seen may be less than there is.
 */
export function createDrmWatch(now: () => number, root = '/proc') {
  /** Files that were open on a GPU, and the look at which they were looked for. */
  const known = new Map<number, { files: readonly string[]; look: number }>()
  let before = new Map<string, Seen>()
  let look = 0
  let isTold = false

  async function search(pid: number, breathe: () => Promise<void> | undefined): Promise<number> {
    const folder = join(root, String(pid), 'fd')
    // Another user's, or it has just ended.
    const names = await readdir(folder).catch(() => [])
    const files: string[] = []
    for (const name of names) {
      if (targetOf(join(folder, name)).startsWith('/dev/dri/')) files.push(name)
      if (files.length === MOST_FILES) break
      await breathe()
    }
    known.set(pid, { files, look })
    return names.length + LINKS_OF_A_PROCESS
  }

  async function searchSome(pids: readonly number[], own: ReadonlySet<number>): Promise<void> {
    look++
    const there = new Set(pids)
    for (const pid of known.keys()) if (!there.has(pid)) known.delete(pid)
    const breathe = createBreather()
    const lookOf = (pid: number) => known.get(pid)?.look ?? 0
    const others = pids.filter((pid) => !own.has(pid)).sort((a, b) => lookOf(a) - lookOf(b))
    for (const pid of pids) if (own.has(pid)) await search(pid, breathe)
    let links = 0
    for (const pid of others) {
      if (links >= MOST_LINKS) break
      links += await search(pid, breathe)
    }
  }

  /** Each client once, by GPU and id. */
  async function readClients(): Promise<Map<string, Seen>> {
    const files = [...known].flatMap(([pid, { files }]) => files.map((name) => ({ pid, name })))
    const clients = new Map<string, Seen>()
    for (let i = 0; i < files.length; i += CHUNK) {
      const chunk = files.slice(i, i + CHUNK).map(async ({ pid, name }) => {
        const text = await readFile(join(root, String(pid), 'fdinfo', name), 'utf8').catch(() => '')
        return { client: parseDrmClient(text), pid, at: now() }
      })
      for (const { client, pid, at } of await Promise.all(chunk)) {
        if (!client) continue
        const key = `${client.address}/${client.id}`
        // Who manages sessions keeps open what it has opened for a desktop that begins after it.
        if (pid > (clients.get(key)?.pid ?? 0)) clients.set(key, { client, pid, at })
      }
    }
    return clients
  }

  return {
    /** Null as long as the kernel has told of nobody. @param own the processes that are ours */
    async read(processes: readonly ProcessUse[], own: ReadonlySet<number>): Promise<DrmReading | null> {
      const names = new Map(processes.map(({ pid, name }) => [pid, name]))
      await searchSome([...names.keys()], own)
      const clients = await readClients()
      isTold ||= clients.size > 0
      const loads = new Loads()
      const next = new Map(clients)
      for (const [key, seen] of clients) {
        const last = before.get(key)
        const shares = last && engineShares(last.client.engines, seen.client.engines, seen.at - last.at)
        if (shares) loads.add(seen, shares)
        else if (last) next.set(key, last)
      }
      before = next
      return isTold ? { programs: programsOf([...clients.values()], names), loads: loads.byProcess() } : null
    },
  }
}

function programsOf(clients: readonly Seen[], names: ReadonlyMap<number, string>): GpuProcess[] {
  const programs = new Map<string, GpuProcess>()
  for (const { client, pid } of clients) {
    const { address } = client
    const key = `${address}/${pid}`
    const before = programs.get(key)?.memoryBytes ?? 0
    const memoryBytes = before + client.memoryBytes
    programs.set(key, { address, migInstance: null, pid, name: names.get(pid) ?? '', memoryBytes })
  }
  return [...programs.values()]
}

/** Sums by GPU, process and engine. */
class Loads {
  readonly #sums = new Map<string, Map<number, Map<string, number>>>()

  add({ client: { address }, pid }: Seen, shares: ReadonlyMap<string, number>): void {
    const onGpu = this.#sums.get(address) ?? new Map<number, Map<string, number>>()
    this.#sums.set(address, onGpu)
    for (const [engine, share] of shares) {
      const ofProcess = onGpu.get(pid) ?? new Map<string, number>()
      onGpu.set(pid, ofProcess.set(engine, (ofProcess.get(engine) ?? 0) + share))
    }
  }

  /** What computes on two engines at the same time shares the units that compute: the busiest counts. */
  byProcess(): DrmReading['loads'] {
    const busiest = (engines: ReadonlyMap<string, number>) => Math.min(1, Math.max(...engines.values()))
    return new Map(
      [...this.#sums].map(([address, onGpu]) => [
        address,
        new Map([...onGpu].map(([pid, engines]) => [pid, busiest(engines)])),
      ]),
    )
  }
}

/** Not asked of another thread, which would cost ten times as much: the kernel knows it without a disk. */
function targetOf(link: string): string {
  try {
    return readlinkSync(link)
  } catch {
    // It has just been closed.
    return ''
  }
}
