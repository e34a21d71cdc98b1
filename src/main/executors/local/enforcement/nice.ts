import { readFile, writeFile } from 'node:fs/promises'
import { getPriority, setPriority } from 'node:os'
import type { Enforcement } from '../../../../shared/contract'
import { processesOf, threadsOf } from './processes'

/** The priority of jobs that nobody has made more or less urgent. */
const USUAL_PRIORITY = 50
const MOST_NICE = 10
const LEAST_URGENT = 19
/** A worker that begins threads without end is not followed for ever. */
const MOST_ROUNDS = 5
const CAP_SYS_NICE = 1n << 23n

/** What a job of a priority from 0 to 100 leaves to others: 10 for the least urgent, nothing from the usual one up. */
export function niceOf(priority: number): number {
  const below = Math.max(0, USUAL_PRIORITY - priority) / USUAL_PRIORITY
  return Math.round(Math.min(1, below) * MOST_NICE)
}

/** Engines outlive jobs: who cannot take `nice` back would slow down the urgent job that comes after a patient one. */
export async function niceMeans(
  status = '/proc/self/status',
  limits = '/proc/self/limits',
): Promise<Enforcement> {
  const reason =
    'It could not be taken back for the next job: that needs root, CAP_SYS_NICE, or a nice limit of 20.'
  const inForce =
    process.platform === 'win32' ||
    (process.platform === 'linux'
      ? mayTakeBack(await readFile(status, 'utf8'), await readFile(limits, 'utf8'))
      : process.getuid?.() === 0)
  return { name: 'nice', inForce, reason: inForce ? null : reason }
}

/** A limit of n allows a nice value down to 20 - n (setrlimit(2), RLIMIT_NICE). */
export function mayTakeBack(status: string, limits: string): boolean {
  const capabilities = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`)
  const limit = /^Max nice priority\s+(\S+)/m.exec(limits)?.[1]
  return (capabilities & CAP_SYS_NICE) !== 0n || limit === 'unlimited' || Number(limit) >= 20
}

/**
 * Makes all threads of a worker nicer than this process by so much; those that begin later have it from those that begin
 * them.
 */
export async function renice(pid: number, by: number): Promise<void> {
  const nice = Math.min(LEAST_URGENT, getPriority() + by)
  const changed = new Set<number>()
  // Meanwhile threads may begin that have the old one, from those whose turn has not come.
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const threads = (await Promise.all((await processesOf(pid)).map(threadsOf))).flat()
    const found = threads.filter((thread) => !changed.has(thread))
    if (found.length === 0) break
    for (const thread of found) {
      changed.add(thread)
      try {
        setPriority(thread, nice)
      } catch (error) {
        // A thread that has just ended.
        if (!isGone(error)) throw error
      }
    }
  }
  // A worker leads a session, which counts as a group of its own where the kernel groups by sessions (sched(7)).
  if (process.platform === 'linux')
    await writeFile(`/proc/${pid}/autogroup`, String(nice)).catch(() => undefined)
}

function isGone(error: unknown): boolean {
  return (error as { info?: { code?: string } }).info?.code === 'ESRCH'
}
