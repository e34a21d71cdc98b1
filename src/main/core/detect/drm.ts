import { TELLING_DRIVERS } from '../../../shared/domain/yielding'
import { normalAddress } from './pci'

/** How long an engine of a GPU has worked for a client. */
export interface EngineUse {
  /** In nanoseconds, or in cycles. */
  busy: number
  /** The cycles that have passed; null where nanoseconds are counted. */
  passed: number | null
  /** Alike, and counted as one. */
  engines: number
}

/** One use of a GPU as the kernel counts it; files and processes that share it have the same address and id. */
export interface DrmClient {
  address: string
  id: string
  /** Of the GPU's own memory. */
  memoryBytes: number
  /** By name. */
  engines: ReadonlyMap<string, EngineUse>
}

/** The engines that compute: of amdgpu, of i915, of xe. Those that copy, or only know films, are in nobody's way. */
const COMPUTING = ['gfx', 'compute', 'render', 'rcs', 'ccs']
/** Memory of the GPU itself: of amdgpu, of xe, of i915. The rest is that of the host. */
const OWN_MEMORY = /^(resident|memory)-((?:vram|local)\d*)$/
const FIELD = /^drm-([^:\s]+):[ \t]*(\S+)(?:[ \t]+(\S+))?$/gm
const UNITS: Readonly<Record<string, number>> = { KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 }

/**
 * Reads `/proc/PID/fdinfo/FD` of a file that is open on a GPU (https://docs.kernel.org/gpu/drm-usage-stats.html); null for
 * any other file. amdgpu names no engine before its first use, and none for what ROCm computes: that goes past the kernel.
 */
export function parseDrmClient(text: string): DrmClient | null {
  const fields = new Map<string, string>()
  const numbers = new Map<string, number>()
  for (const [, key = '', value = '', unit = ''] of text.matchAll(FIELD)) {
    fields.set(key, value)
    if (/^\d+$/.test(value)) numbers.set(key, Number(value) * (UNITS[unit] ?? 1))
  }
  const address = normalAddress(fields.get('pdev') ?? '')
  const id = fields.get('client-id')
  if (!address || !id || !TELLING_DRIVERS.includes(fields.get('driver'))) return null
  const memory = new Map<string, number>()
  for (const [key, bytes] of numbers) {
    const [, kind, region] = OWN_MEMORY.exec(key) ?? []
    // `memory-` is the older word for `resident-`; newer kernels write both.
    if (region && (kind === 'resident' || !memory.has(region))) memory.set(region, bytes)
  }
  const engines = COMPUTING.flatMap((name): [string, EngineUse][] => {
    const passed = numbers.get(`total-cycles-${name}`) ?? null
    const busy = numbers.get(`${passed === null ? 'engine' : 'cycles'}-${name}`)
    return busy === undefined
      ? []
      : [[name, { busy, passed, engines: numbers.get(`engine-capacity-${name}`) || 1 }]]
  })
  return {
    address,
    id,
    memoryBytes: [...memory.values()].reduce((sum, bytes) => sum + bytes, 0),
    engines: new Map(engines),
  }
}

/**
 * What part of each engine a client kept busy between two looks, 0 to 1. Null where a count has fallen back: it will catch
 * up, and until then the look before is the one to compare with.
 */
export function engineShares(
  before: DrmClient['engines'],
  after: DrmClient['engines'],
  elapsedMs: number,
): Map<string, number> | null {
  const shares = new Map<string, number>()
  for (const [name, { busy, passed, engines }] of after) {
    const earlier = before.get(name)
    if (!earlier) continue
    if (busy < earlier.busy) return null
    const whole = (passed === null ? elapsedMs * 1e6 : passed - (earlier.passed ?? passed)) * engines
    if (whole > 0) shares.set(name, Math.min(1, (busy - earlier.busy) / whole))
  }
  return shares
}
