import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** What the control groups of this process allow at most; null where nothing is limited. */
export interface Confinement {
  cores: number | null
  memoryBytes: number | null
  /** The folder whose limit on memory is the lowest, to read how much of it is used. */
  memoryFolder: string | null
}

const UNLIMITED: Confinement = { cores: null, memoryBytes: null, memoryFolder: null }

// Version 1 writes its largest page-aligned number for "no limit".
const V1_NO_LIMIT = 2 ** 62

/**
 * Reads cgroup v2 (`cpu.max`, `memory.max`), and v1 where the controllers are still there, from the group of this
 * process up to the root: the lowest limit on the way counts. https://docs.kernel.org/admin-guide/cgroup-v2.html
 */
export async function readConfinement(
  self = '/proc/self/cgroup',
  root = '/sys/fs/cgroup',
): Promise<Confinement> {
  const lines = (await read(self))?.split('\n') ?? []
  let result = UNLIMITED
  for (const line of lines) {
    const [, controllers, path] = line.match(/^\d+:([^:]*):(.*)$/) ?? []
    if (controllers === undefined || path === undefined) continue
    const mount = controllers === '' ? root : join(root, controllers)
    for (const folder of upward(mount, path)) {
      if (controllers === '')
        result = lower(
          result,
          parseCpuMax(await read(join(folder, 'cpu.max'))),
          await read(join(folder, 'memory.max')),
          folder,
        )
      if (controllers.split(',').includes('cpu')) {
        const quota = Number(await read(join(folder, 'cpu.cfs_quota_us')))
        const period = Number(await read(join(folder, 'cpu.cfs_period_us')))
        result = lower(result, quota > 0 && period > 0 ? quota / period : null, null, folder)
      }
      if (controllers === 'memory')
        result = lower(result, null, await read(join(folder, 'memory.limit_in_bytes')), folder)
    }
  }
  return result
}

/** `150000 100000` -> 1.5 cores; `max 100000` -> null. */
export function parseCpuMax(text: string | null): number | null {
  const [quota, period] = (text ?? '').trim().split(' ').map(Number)
  return quota && period && quota > 0 && period > 0 ? quota / period : null
}

/**
 * Bytes in use by the group that cannot be given back at will; null when it cannot be read. What is cached of files is
 * given back when somebody needs it, also of those that are read again and again, as the files of models are.
 */
export async function readConfinedUse(folder: string): Promise<number | null> {
  const current =
    (await read(join(folder, 'memory.current'))) ?? (await read(join(folder, 'memory.usage_in_bytes')))
  if (current === null) return null
  const lines = ((await read(join(folder, 'memory.stat'))) ?? '').split('\n')
  const stat = new Map(lines.map((line) => line.split(' ') as [name: string, bytes: string]))
  // Version 1 tells of the group alone, and of all below it as `total_`, which is what `usage_in_bytes` counts.
  const bytesOf = (name: string) => Number(stat.get(`total_${name}`) ?? stat.get(name) ?? 0)
  return Math.max(0, Number(current) - bytesOf('inactive_file') - bytesOf('active_file'))
}

/** The folder of a group and of those around it, innermost first. In a container the path may lie outside the mount. */
function upward(mount: string, path: string): string[] {
  const parts = path.split('/').filter((part) => part !== '' && part !== '..')
  return [...parts.map((_, index) => join(mount, ...parts.slice(0, parts.length - index))), mount]
}

function lower(
  limits: Confinement,
  cores: number | null,
  memory: string | null,
  folder: string,
): Confinement {
  const bytes = memory === null ? Number.NaN : Number(memory.trim())
  const isLimit = bytes > 0 && bytes < V1_NO_LIMIT
  const lowest = isLimit && (limits.memoryBytes === null || bytes < limits.memoryBytes)
  return {
    cores: cores === null ? limits.cores : Math.min(cores, limits.cores ?? Number.POSITIVE_INFINITY),
    memoryBytes: lowest ? bytes : limits.memoryBytes,
    memoryFolder: lowest ? folder : limits.memoryFolder,
  }
}

async function read(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch {
    return null
  }
}
