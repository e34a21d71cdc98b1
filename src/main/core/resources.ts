import type { Resources } from '../../shared/contract'
import type { GpuUse, HostReading } from './host'
import type { Ledger } from './ledger'
import { addQuanta, type Quanta, toQuantum, toVector } from './quanta'

/**
 * What programs outside use of memory, by device.
 *
 * Host: all that is used, less what the leases account for. Leases of jobs and engines belong to processes that this one
 * started: they account for what these processes really use, up to what is leased (a lease of 8 GB with 1 GB in use does
 * not hide 7 GB of another program). Leases with a time to live belong to other programs, which cannot be told from the
 * rest: they are taken to use what they hold. Where children cannot be measured, so are all.
 * GPU: what is used less what is leased, or what programs outside are seen to hold where that is more: a lease that its
 * worker uses little of hides nobody. Of a part of a GPU, and while the tool reports no sum, only the latter is known.
 * Estimates on purpose: in doubt a program counts as foreign, and less is granted.
 */
export function foreignMemory(
  reading: HostReading,
  gpusOutside: ReadonlyMap<string, GpuUse>,
  ledger: Ledger,
): Map<string, Quanta> {
  const ownByDevice = new Map<string, { children: number; others: number }>()
  for (const { lease, shares, expiresAtMs } of ledger.leases()) {
    const children = expiresAtMs === null || lease.job !== null
    for (const [device, amounts] of shares) {
      const own = ownByDevice.get(device) ?? { children: 0, others: 0 }
      own[children ? 'children' : 'others'] +=
        (amounts.get('memoryBytes') ?? 0) + (amounts.get('gpuMemoryBytes') ?? 0)
      ownByDevice.set(device, own)
    }
  }
  const foreign = new Map<string, Quanta>()
  for (const { device, memoryUsedBytes } of reading.readings) {
    const kind = ledger.device(device)?.kind
    if (kind !== 'cpu' && kind !== 'gpu') continue
    const own = ownByDevice.get(device) ?? { children: 0, others: 0 }
    const measured =
      kind === 'cpu' ? (reading.childrenMemoryBytes ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY
    const unexplained = memoryUsedBytes - Math.min(own.children, measured)
    const seen = Math.min(memoryUsedBytes, gpusOutside.get(device)?.memoryBytes ?? 0)
    const rest = Math.floor(Math.max(unexplained, seen) - own.others)
    if (rest > 0) foreign.set(device, new Map([[kind === 'cpu' ? 'memoryBytes' : 'gpuMemoryBytes', rest]]))
  }
  for (const [device, { memoryBytes }] of gpusOutside) {
    if (reading.readings.some((one) => one.device === device) || !ledger.device(device)) continue
    const rest = Math.floor(memoryBytes - (ownByDevice.get(device)?.others ?? 0))
    if (rest > 0) foreign.set(device, new Map([['gpuMemoryBytes', rest]]))
  }
  return foreign
}

/**
 * Cores of the host that programs outside kept busy since the reading before: what was busy beyond this process itself
 * and what was leased.
 * @param leased cores, in the mean since then
 */
export function foreignCores(
  { readings, ownCores = 0 }: HostReading,
  capacity: number,
  leased: number,
): number {
  const load = readings.find(({ device }) => device === 'cpu0')?.load ?? 0
  return Math.max(0, load * capacity - ownCores - leased)
}

/**
 * @param coresOutside what programs outside keep busy of the host's cores
 * @param gpusOutside what they take of each GPU
 */
export function sumResources(
  ledger: Ledger,
  coresOutside: number,
  gpusOutside: ReadonlyMap<string, GpuUse>,
): Resources {
  const allocated: Quanta = new Map()
  const foreign: Quanta = new Map()
  const available: Quanta = new Map()
  const foreignOn: Resources['foreignOn'] = []
  for (const device of ledger.devices()) {
    // What a lease holds of one that is gone is nothing of what there is.
    if (device.health === 'missing') continue
    addQuanta(allocated, ledger.used(device.id))
    const outside = new Map(ledger.foreign(device.id, false))
    if (device.id === 'cpu0') {
      const others = Math.round(coresOutside * 100) / 100
      if (others > 0) outside.set('cpuCores', toQuantum('cpuCores', others))
    }
    const busy = gpusOutside.get(device.id)?.load
    if (busy) outside.set('gpu', toQuantum('gpu', busy))
    addQuanta(foreign, outside)
    if (outside.size > 0) foreignOn.push({ device: device.id, amounts: toVector(outside) })
  }
  for (const { free } of ledger.spaces([])) addQuanta(available, free)
  return {
    capacity: ledger.capacity(),
    allocated: toVector(allocated),
    foreign: toVector(foreign),
    available: toVector(available),
    foreignHolders: [...ledger.foreignHolders()],
    foreignOn,
  }
}
