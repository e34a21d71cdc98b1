import { readdirSync, readFileSync } from 'node:fs'
import { expect } from '@playwright/test'

/** A process by its number and the moment it began, so that a number given anew is another process. */
export interface RunningProcess {
  pid: number
  startedAt: string
  command: string
}

/** All processes below one, from `/proc`; none where there is no `/proc`. */
export function descendants(pid: number): RunningProcess[] {
  if (process.platform !== 'linux') return []
  const children = new Map<number, number[]>()
  for (const name of readdirSync('/proc')) {
    const parent = /^\d+$/.test(name) ? statOf(Number(name))?.parent : undefined
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), Number(name)])
  }
  const below = (id: number): number[] =>
    (children.get(id) ?? []).flatMap((child) => [child, ...below(child)])
  return below(pid).flatMap((child) => {
    const stat = statOf(child)
    return stat ? [{ pid: child, startedAt: stat.startedAt, command: commandOf(child) }] : []
  })
}

/** Fails when one of them is still there after `timeoutMs`: a worker must not outlive the system. */
export async function expectGone(processes: readonly RunningProcess[], timeoutMs: number): Promise<void> {
  const left = () => processes.filter(({ pid, startedAt }) => statOf(pid)?.startedAt === startedAt)
  await expect.poll(left, { timeout: timeoutMs, message: 'these processes outlived the system' }).toEqual([])
}

/** Null for a process that has ended, also one that nobody has waited for yet. */
function statOf(pid: number): { parent: number; startedAt: string } | null {
  const text = readProc(pid, 'stat')
  // The name in brackets may hold anything.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const [state, parent] = fields
  if (parent === undefined || state === 'Z' || state === 'X') return null
  return { parent: Number(parent), startedAt: fields[19] ?? '' }
}

function commandOf(pid: number): string {
  return readProc(pid, 'cmdline').replaceAll('\0', ' ').slice(0, 200)
}

function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    // It has ended meanwhile.
    return ''
  }
}
