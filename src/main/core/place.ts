import type { Device, Placement } from '../../shared/contract'
import type { DeviceId } from '../../shared/domain/ids'
import type { ResourceVector } from '../../shared/domain/resources'
import { addQuanta, fitsIn, lackOf, type Quanta, takeQuanta, toQuanta, toVector } from './quanta'

/** What one device still has to give: plain data for pure planning. */
export interface FreeDevice {
  id: DeviceId
  kind: Device['kind']
  /** Capacity less leases, less what other programs hold, less the reserve; never negative. */
  free: ResourceVector
  /** What it could give at the very most, with no lease on it. */
  capacity: ResourceVector
  /** False: missing, or found but not fit for work; nothing is placed there. */
  healthy: boolean
}

/** A device in whole numbers, for planners that keep a running balance. */
export interface Space {
  id: string
  kind: Device['kind']
  free: Quanta
}

/** What lies on which device. */
export type Shares = Map<string, Quanta>

const UNIT = 1_000_000
const HOST = ['cpuCores', 'memoryBytes']

/**
 * Finds devices that together hold `need`, or says what is missing. Pure and deterministic.
 *
 * Cores and memory of the host lie on one CPU. Up to one GPU (NPU, FPGA) lies on one device, with its memory; more
 * are whole devices plus at most one fraction, each with memory in proportion to its share. Where several would do,
 * the fullest one is taken, so that whole and large devices stay free. Custom resources come from any device that
 * offers them, those already in use first.
 * Resources are independent but for `gpu` with `gpuMemoryBytes` and `cpuCores` with `memoryBytes`, so a placement is
 * found whenever there is one.
 */
export function place(need: ResourceVector, devices: FreeDevice[]): Placement | { missing: ResourceVector } {
  const spaces = devices.filter((device) => device.healthy).map(spaceOf)
  const found = placeQuanta(toQuanta(need), spaces)
  return 'missing' in found ? { missing: toVector(found.missing) } : toPlacement(found.shares)
}

export function spaceOf(device: FreeDevice): Space {
  return { id: device.id, kind: device.kind, free: toQuanta(device.free) }
}

export function toPlacement(shares: Shares): Placement {
  return [...shares].map(([device, amounts]) => ({ device, amounts: toVector(amounts) }))
}

/** {@link place} in whole numbers; `spaces` are not changed. */
export function placeQuanta(
  need: Quanta,
  spaces: readonly Space[],
): { shares: Shares } | { missing: Quanta } {
  const shares: Shares = new Map()
  const missing: Quanta = new Map()
  const put = (id: string, amounts: Quanta) => {
    const share = shares.get(id) ?? new Map<string, number>()
    addQuanta(share, amounts)
    shares.set(id, share)
  }
  const of = (kind: Device['kind']) => spaces.filter((space) => space.kind === kind)

  const host = pick(need, HOST)
  if (host.size > 0) {
    const cpu = fullest(
      of('cpu').filter((space) => fitsIn(host, space.free)),
      host,
    )
    if (cpu) put(cpu.id, host)
    else addQuanta(missing, leastLack(host, of('cpu')))
  }
  for (const [kind, unit, memory] of [
    ['gpu', 'gpu', 'gpuMemoryBytes'],
    ['npu', 'npu', null],
    ['fpga', 'fpga', null],
  ] as const) {
    const wanted = pick(need, memory ? [unit, memory] : [unit])
    if (wanted.size === 0) continue
    const placed = placeUnits(wanted, unit, memory, of(kind))
    if ('missing' in placed) addQuanta(missing, placed.missing)
    else for (const [id, amounts] of placed.shares) put(id, amounts)
  }
  for (const [name, quantum] of need) {
    if (!name.startsWith('custom.')) continue
    let rest = quantum
    const offers = spaces.filter((space) => space.free.has(name))
    // An own copy of the order: devices that take part already come first.
    for (const space of [...offers].sort((a, b) => Number(shares.has(b.id)) - Number(shares.has(a.id)))) {
      const taken = Math.min(rest, space.free.get(name) ?? 0)
      if (taken > 0) put(space.id, new Map([[name, taken]]))
      rest -= taken
    }
    if (rest > 0) missing.set(name, rest)
  }
  return missing.size > 0 ? { missing } : { shares }
}

/** Takes a placement out of the spaces it was planned over. */
export function occupy(spaces: readonly Space[], shares: Shares): void {
  for (const space of spaces) {
    const share = shares.get(space.id)
    if (share) takeQuanta(space.free, share)
  }
}

function placeUnits(
  wanted: Quanta,
  unit: string,
  memory: string | null,
  spaces: Space[],
): { shares: Shares } | { missing: Quanta } {
  const alone = fullest(
    spaces.filter((space) => fitsIn(wanted, space.free)),
    wanted,
  )
  if (alone) return { shares: new Map([[alone.id, wanted]]) }
  const amount = wanted.get(unit) ?? 0
  if (amount <= UNIT) return { missing: leastLack(wanted, spaces) }

  const bytes = memory ? (wanted.get(memory) ?? 0) : 0
  // Rounded up: the parts below are cut so that their sum is exact, and none is larger than this.
  const memoryFor = (part: number) => Math.ceil((bytes / amount) * part)
  const wholes = Math.floor(amount / UNIT)
  const fraction = amount % UNIT
  const unitsOn = (space: Space, lessUnits: number) => {
    const byUnits = Math.floor(((space.free.get(unit) ?? 0) - lessUnits) / UNIT)
    const left = (memory ? (space.free.get(memory) ?? 0) : 0) - (lessUnits ? memoryFor(lessUnits) : 0)
    return Math.max(0, bytes > 0 ? Math.min(byUnits, Math.floor(left / memoryFor(UNIT))) : byUnits)
  }
  const total = (fractionOn: Space | null) =>
    spaces.reduce((sum, space) => sum + unitsOn(space, space === fractionOn ? fraction : 0), 0)

  const byRoom = [...spaces].sort((a, b) => roomFor(a, wanted) - roomFor(b, wanted))
  // The fraction goes where it costs no whole unit, if there is such a place.
  const places = fraction
    ? byRoom.filter((space) => {
        const part: Quanta = new Map([[unit, fraction]])
        if (memory && bytes > 0) part.set(memory, memoryFor(fraction))
        return fitsIn(part, space.free)
      })
    : [null]
  const best = places.filter((space) => total(space) >= wholes).sort((a, b) => total(b) - total(a))[0]
  if (best === undefined) {
    const reachable = Math.max(
      Math.min(wholes, total(null)) * UNIT,
      ...places.map((space) => Math.min(wholes, total(space)) * UNIT + (space ? fraction : 0)),
    )
    const lack: Quanta = new Map([[unit, amount - Math.min(reachable, amount - 1)]])
    const memoryThere = memory ? spaces.reduce((sum, space) => sum + (space.free.get(memory) ?? 0), 0) : 0
    if (memory && bytes > memoryThere) lack.set(memory, bytes - memoryThere)
    return { missing: lack }
  }

  const shares: Shares = new Map()
  let done = 0
  const give = (space: Space, part: number) => {
    const share = shares.get(space.id) ?? new Map<string, number>()
    const upTo = (point: number) => Math.floor((bytes / amount) * point)
    // The last part takes what is left, so that the sum is what was asked for.
    const memoryPart = (done + part === amount ? bytes : upTo(done + part)) - upTo(done)
    addQuanta(share, new Map([[unit, part]]))
    if (memory && memoryPart > 0) addQuanta(share, new Map([[memory, memoryPart]]))
    shares.set(space.id, share)
    done += part
  }
  if (best) give(best, fraction)
  let rest = wholes
  for (const space of byRoom) {
    const units = Math.min(rest, unitsOn(space, space === best ? fraction : 0))
    if (units > 0) give(space, units * UNIT)
    rest -= units
  }
  return { shares }
}

function pick(need: Quanta, names: readonly string[]): Quanta {
  const picked: Quanta = new Map()
  for (const name of names) {
    const quantum = need.get(name)
    if (quantum) picked.set(name, quantum)
  }
  return picked
}

/** How much would be left over, as the sum of the shares of what is free. */
function roomFor(space: Space, wanted: Quanta): number {
  let room = 0
  for (const [name, quantum] of wanted) room += (space.free.get(name) ?? 0) / quantum
  return room
}

function fullest(spaces: Space[], wanted: Quanta): Space | undefined {
  let best: Space | undefined
  for (const space of spaces) if (!best || roomFor(space, wanted) < roomFor(best, wanted)) best = space
  return best
}

/** Of the device that comes nearest to holding all of it. */
function leastLack(wanted: Quanta, spaces: Space[]): Quanta {
  let best = wanted
  let bestShare = Number.POSITIVE_INFINITY
  for (const space of spaces) {
    const lack = lackOf(wanted, space.free)
    let share = 0
    for (const [name, quantum] of lack) share += quantum / (wanted.get(name) ?? quantum)
    if (share < bestShare) {
      best = lack
      bestShare = share
    }
  }
  return best
}
