import type { Device, Placement } from '../../shared/contract'
import type { DeviceId } from '../../shared/domain/ids'
import type { PlaceHints } from '../../shared/domain/place-hints'
import {
  addVectors,
  isEmptyVector,
  type ResourceVector,
  subtractVectors,
} from '../../shared/domain/resources'
import { isOnNode, mostOfOne, NO_HINTS, nodesFor } from './hints'
import { bestFit, leastLack, placeUnits, roomFor } from './place-units'
import { addQuanta, type Quanta, takeQuanta, toQuanta, toQuantum, toVector } from './quanta'

/** What one device still has to give: plain data for pure planning. */
export interface FreeDevice {
  id: DeviceId
  kind: Device['kind']
  /** Capacity less leases, less what other programs hold, less the reserve; never negative. */
  free: ResourceVector
  /** What it could give at the very most, with no lease on it. */
  capacity: ResourceVector
  /** What programs outside hold of that whatever ends here; absent: nothing. */
  outside?: ResourceVector
  /** What leases and programs outside hold together beyond the capacity: what ends here pays that first; absent: nothing. */
  owed?: ResourceVector
  /** Cores, or a part of the GPU, that go to programs outside while some of it is held; absent: none. */
  yields?: ResourceVector
  /** What is held of one that yields. */
  held?: ResourceVector
  /** False: missing, or found but not fit for work; nothing is placed there. */
  healthy: boolean
  /** Null: not known, or several. */
  numaNode?: number | null
}

/** A device in whole numbers, for planners that keep a running balance. */
export interface Space {
  id: string
  kind: Device['kind']
  free: Quanta
  /** What would be free with no lease on it: neither what programs outside hold whatever ends here, nor the reserve. */
  capacity: Quanta
  /** What goes to programs outside once cores, or a part of the GPU, are held. */
  yields: Quanta
  numaNode: number | null
}

/** What lies on which device. */
export type Shares = Map<string, Quanta>

export type Placed = { shares: Shares } | { missing: Quanta }

const HOST = ['cpuCores', 'memoryBytes']

/**
 * Finds devices that together hold `need`, or says what is missing. Pure and deterministic.
 *
 * Cores and memory of the host lie on one CPU. Up to one GPU (NPU, FPGA) lies on one device, with its memory; more
 * are whole devices plus at most one fraction, each with memory in proportion to its share. Where several would do,
 * one that is in use already is taken, of those the fullest, so that whole and large devices stay free. Custom resources
 * come from any device that offers them, those already in use first.
 * Resources are independent but for `gpu` with `gpuMemoryBytes` and `cpuCores` with `memoryBytes`, so a placement is
 * found whenever there is one.
 */
export function place(
  need: ResourceVector,
  devices: FreeDevice[],
  hints: PlaceHints = NO_HINTS,
): Placement | { missing: ResourceVector } {
  const spaces = devices.filter((device) => device.healthy).map(spaceOf)
  const found = placeQuanta(toQuanta(need), spaces, hints)
  return 'missing' in found ? { missing: toVector(found.missing) } : toPlacement(found.shares)
}

export function spaceOf(device: FreeDevice): Space {
  const capacity = toQuanta(device.capacity)
  takeQuanta(capacity, toQuanta(device.outside ?? {}))
  return {
    id: device.id,
    kind: device.kind,
    free: toQuanta(device.free),
    capacity,
    yields: new Map(),
    numaNode: device.numaNode ?? null,
  }
}

/** Takes it out of what is free, in place; what is not there is owed. */
export function takeFrom(device: FreeDevice, amounts: ResourceVector): void {
  charge(device, amounts)
  if (!device.yields) return
  const before = device.held ?? {}
  device.held = addVectors(before, amounts)
  if (!isSharedOut(before) && isSharedOut(device.held)) charge(device, device.yields)
}

/** The inverse of {@link takeFrom}. */
export function giveBackTo(device: FreeDevice, amounts: ResourceVector): void {
  credit(device, amounts)
  if (!device.yields) return
  const before = device.held ?? {}
  device.held = subtractVectors(before, amounts)
  if (isSharedOut(before) && !isSharedOut(device.held)) credit(device, device.yields)
}

function charge(device: FreeDevice, amounts: ResourceVector): void {
  const lack = subtractVectors(amounts, device.free)
  device.free = subtractVectors(device.free, amounts)
  if (!isEmptyVector(lack)) device.owed = addVectors(device.owed ?? {}, lack)
}

function credit(device: FreeDevice, amounts: ResourceVector): void {
  const { owed } = device
  device.free = addVectors(device.free, owed ? subtractVectors(amounts, owed) : amounts)
  if (owed) device.owed = subtractVectors(owed, amounts)
}

/** As {@link isShared}; what is less than can be counted is rounding. */
export const isSharedOut = ({ cpuCores = 0, gpu = 0 }: ResourceVector): boolean =>
  toQuantum('cpuCores', cpuCores) > 0 || toQuantum('gpu', gpu) > 0

export function toPlacement(shares: Shares): Placement {
  return [...shares].map(([device, amounts]) => ({ device, amounts: toVector(amounts) }))
}

/** {@link place} in whole numbers; `spaces` are not changed. */
export function placeQuanta(need: Quanta, spaces: readonly Space[], hints: PlaceHints = NO_HINTS): Placed {
  if (hints.numaNode === undefined) return placeOn(need, spaces, hints.devices)
  let best: Placed = { missing: need }
  let leastRoom = Number.POSITIVE_INFINITY
  for (const node of nodesFor(hints.numaNode, spaces)) {
    const onNode = spaces.filter((space) => isOnNode(space, node))
    const placed = placeOn(need, onNode, hints.devices)
    if ('missing' in placed) {
      if ('missing' in best && placed.missing.size <= best.missing.size) best = placed
      continue
    }
    const room = roomIn(placed.shares, onNode)
    if (room >= leastRoom) continue
    best = placed
    leastRoom = room
  }
  return best
}

function placeOn(need: Quanta, spaces: readonly Space[], devices: PlaceHints['devices']): Placed {
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
    const cpu = bestFit(host, of('cpu'))
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
    const placed = placeUnits(wanted, unit, memory, of(kind), devices)
    if ('missing' in placed) addQuanta(missing, placed.missing)
    else for (const [id, amounts] of placed.shares) put(id, amounts)
  }
  for (const [name, quantum] of need) {
    if (!name.startsWith('custom.')) continue
    let rest = quantum
    const most = devices === 'spread' ? mostOfOne(name, quantum, spaces) : quantum
    const offers = spaces
      .filter(({ free }) => (free.get(name) ?? 0) >= (devices === 'same' ? quantum : 1))
      .sort((a, b) => Number(shares.has(b.id)) - Number(shares.has(a.id)))
    for (const space of offers) {
      const taken = Math.min(rest, most, space.free.get(name) ?? 0)
      if (taken > 0) put(space.id, new Map([[name, taken]]))
      rest -= taken
    }
    if (rest > 0) {
      const largest = Math.max(0, ...spaces.map(({ free }) => free.get(name) ?? 0))
      missing.set(name, devices === 'same' ? quantum - largest : rest)
    }
  }
  return missing.size > 0 ? { missing } : { shares }
}

/** Whether some is held of what the system shares out moment by moment, unlike memory. */
export const isShared = (held: Quanta): boolean => held.has('cpuCores') || held.has('gpu')

/** Takes a placement out of the spaces it was planned over. */
export function occupy(spaces: readonly Space[], shares: Shares): void {
  for (const space of spaces) {
    const share = shares.get(space.id)
    if (!share) continue
    takeQuanta(space.free, share)
    if (!isShared(share)) continue
    takeQuanta(space.free, space.yields)
    space.yields = new Map()
  }
}

function pick(need: Quanta, names: readonly string[]): Quanta {
  const picked: Quanta = new Map()
  for (const name of names) {
    const quantum = need.get(name)
    if (quantum) picked.set(name, quantum)
  }
  return picked
}

function roomIn(shares: Shares, spaces: readonly Space[]): number {
  let room = 0
  for (const space of spaces) {
    const share = shares.get(space.id)
    if (share) room += roomFor(space, share)
  }
  return room
}
