import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseIdList } from '../../../platform/id-list'
import type { Cpu } from './core-sets'

/**
 * The CPUs that this process may run on, from `/proc` and `/sys`; none where the system does not tell.
 * https://docs.kernel.org/admin-guide/cputopology.html
 */
export async function readCpus(proc = '/proc/self', sys = '/sys/devices/system'): Promise<Cpu[]> {
  const allowed = /^Cpus_allowed_list:\s*(\S+)$/m.exec((await read(join(proc, 'status'))) ?? '')?.[1]
  if (!allowed) return []
  const nodes = new Map<number, number>()
  for (const node of parseIdList((await read(join(sys, 'node/online'))) ?? '0')) {
    for (const id of parseIdList((await read(join(sys, `node/node${node}/cpulist`))) ?? ''))
      nodes.set(id, node)
  }
  return Promise.all(
    parseIdList(allowed).map(async (id) => {
      const siblings = await read(join(sys, `cpu/cpu${id}/topology/thread_siblings_list`))
      return { id, core: siblings?.trim() ?? String(id), node: nodes.get(id) ?? 0 }
    }),
  )
}

async function read(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch {
    // Not told here.
    return null
  }
}
