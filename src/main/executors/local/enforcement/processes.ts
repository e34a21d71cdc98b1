import { readdir, readFile } from 'node:fs/promises'
import { askWorker } from '../../../platform/processes'

const PS_MS = 2000

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

/** Resident memory of a worker's processes together; null where it cannot be read. */
export async function residentBytes(pid: number): Promise<number | null> {
  if (process.platform === 'win32') return null
  if (process.platform !== 'linux') return residentByPs(pid)
  const sizes = await Promise.all((await processesOf(pid)).map(residentOf))
  const known = sizes.filter((bytes) => bytes !== null)
  return known.length === 0 ? null : known.reduce((sum, bytes) => sum + bytes, 0)
}

async function residentOf(pid: number): Promise<number | null> {
  try {
    const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]
    return kibibytes === undefined ? null : Number(kibibytes) * 1024
  } catch {
    // It has just ended.
    return null
  }
}

async function residentByPs(pid: number): Promise<number | null> {
  const program = { file: '/bin/ps', args: ['-o', 'rss=', '-p'], env: {} }
  const { stdout } = await askWorker({ entry: String(pid), program }, PS_MS)
  const kibibytes = Number(stdout.trim())
  return kibibytes > 0 ? kibibytes * 1024 : null
}
