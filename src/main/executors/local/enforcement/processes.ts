import { readdir, readFile } from 'node:fs/promises'
import { askWorker } from '../../../platform/processes'

const PS_MS = 2000
const KIB = 1024

/** A worker's processes: its own, and those below it, since one in a sandbox is a child of what made the sandbox. */
export async function processesOf(pid: number): Promise<number[]> {
  if (process.platform !== 'linux') return [pid]
  const children = await Promise.all((await threadsOf(pid)).map((thread) => childrenOf(pid, thread)))
  const below = await Promise.all(children.flat().map(processesOf))
  return [pid, ...below.flat()]
}

/** A child is told of the thread that forked it, not of the process. */
async function childrenOf(pid: number, thread: number): Promise<number[]> {
  try {
    const children = await readFile(`/proc/${pid}/task/${thread}/children`, 'utf8')
    return children.split(' ').filter(Boolean).map(Number)
  } catch {
    // It has just ended, or the kernel was built without that file.
    return []
  }
}

/** The ids of a process's threads: on Linux each has a `nice` of its own. */
export async function threadsOf(pid: number): Promise<number[]> {
  if (process.platform !== 'linux') return [pid]
  try {
    return (await readdir(`/proc/${pid}/task`)).map(Number)
  } catch {
    // It has just ended.
    return []
  }
}

/** Resident memory of the processes of each worker together, by its pid; none where it cannot be read. */
export async function residentBytes(pids: readonly number[]): Promise<Map<number, number>> {
  if (process.platform === 'win32' || pids.length === 0) return new Map()
  if (process.platform !== 'linux') return residentByPs(pids)
  const trees = await Promise.all(pids.map(async (pid) => ({ pid, bytes: await residentOfTree(pid) })))
  return new Map(trees.flatMap(({ pid, bytes }) => (bytes === null ? [] : [[pid, bytes]])))
}

async function residentOfTree(pid: number): Promise<number | null> {
  const sizes = await Promise.all((await processesOf(pid)).map(residentOf))
  const known = sizes.filter((bytes) => bytes !== null)
  return known.length === 0 ? null : known.reduce((sum, bytes) => sum + bytes, 0)
}

async function residentOf(pid: number): Promise<number | null> {
  try {
    const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]
    return kibibytes === undefined ? null : Number(kibibytes) * KIB
  } catch {
    // It has just ended.
    return null
  }
}

async function residentByPs(pids: readonly number[]): Promise<Map<number, number>> {
  const program = { file: '/bin/ps', args: ['-axo'], env: {} }
  const { stdout } = await askWorker({ entry: 'pid=,ppid=,rss=', program }, PS_MS)
  return sumTrees(stdout, pids)
}

/**
 * Resident memory of each process that is there and all below it.
 * @param table of `ps -axo pid=,ppid=,rss=`, where a fourth column may say when a process began
 */
export function sumTrees(table: string, roots: readonly number[]): Map<number, number> {
  const rows = [...table.matchAll(/^ *(\d+) +(\d+) +(\d+)(?: +(\d+))? *$/gm)].map(
    ([, pid, parent, kibibytes, began = 0]) => ({
      ...{ pid: Number(pid), parent: Number(parent) },
      ...{ bytes: Number(kibibytes) * KIB, began: Number(began) },
    }),
  )
  const own = new Map(rows.map(({ pid, bytes }) => [pid, bytes]))
  const beganAt = new Map(rows.map(({ pid, began }) => [pid, began]))
  const below = new Map<number, number[]>()
  for (const { pid, parent, began } of rows) {
    // Windows gives the id of a parent that has ended to others: whoever began later is not the parent.
    if ((beganAt.get(parent) ?? 0) > began) continue
    const siblings = below.get(parent)
    if (siblings) siblings.push(pid)
    else below.set(parent, [pid])
  }
  return new Map(
    roots.flatMap((root) => {
      const tree = new Set([root])
      // A set grows while it is walked.
      for (const pid of tree) for (const child of below.get(pid) ?? []) tree.add(child)
      return own.has(root) ? [[root, [...tree].reduce((sum, pid) => sum + (own.get(pid) ?? 0), 0)]] : []
    }),
  )
}
