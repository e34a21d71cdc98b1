import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Cpu } from './core-sets'

/**
 * The CPUs that this process may run on, from `/proc` and `/sys`; none where the system does not tell.
 * https://docs.kernel.org/admin-guide/cputopology.html
 */
export async function readCpus(proc = '/proc/self', sys = '/sys/devices/system'): Promise<Cpu[]> {
  const allowed = /^Cpus_allowed_list:\s*(\S+)$/m.exec((await read(join(proc, 'status'))) ?? '')?.[1]
  if (!allowed) return []
  const nodes = new Map<number, number>()
  for (const node of parseCpuList((await read(join(sys, 'node/online'))) ?? '0')) {
    for (const id of parseCpuList((await read(join(sys, `node/node${node}/cpulist`))) ?? ''))
      nodes.set(id, node)
  }
  return Promise.all(
    parseCpuList(allowed).map(async (id) => {
      const siblings = await read(join(sys, `cpu/cpu${id}/topology/thread_siblings_list`))
      return { id, core: siblings?.trim() ?? String(id), node: nodes.get(id) ?? 0 }
    }),
  )
}

/** `0-2,8` -> 0, 1, 2, 8. */
export function parseCpuList(text: string): number[] {
  return text
    .trim()
    .split(',')
    .flatMap((part) => {
      const [, first, last] = /^(\d+)(?:-(\d+))?$/.exec(part) ?? []
      if (first === undefined) return []
      const from = Number(first)
      return Array.from({ length: Number(last ?? first) - from + 1 }, (_, i) => from + i)
    })
}

async function read(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch {
    // Not told here.
    return null
  }
}
