import type { PlaceHints } from '../../shared/domain/place-hints'
import { mostOfOne } from './hints'
import type { Placed, Shares, Space } from './place'
import { addQuanta, fitsIn, lackOf, type Quanta } from './quanta'

const UNIT = 1_000_000

/** Finds units of a kind of device, with memory in proportion where they have some. */
export function placeUnits(
  wanted: Quanta,
  unit: string,
  memory: string | null,
  spaces: readonly Space[],
  devices: PlaceHints['devices'],
): Placed {
  const amount = wanted.get(unit) ?? 0
  const most = devices === 'spread' ? mostOfOne(unit, amount, spaces) : amount
  const alone = amount <= most ? bestFit(wanted, spaces) : undefined
  if (alone) return { shares: new Map([[alone.id, wanted]]) }
  if (amount <= UNIT || devices === 'same') return { missing: leastLack(wanted, spaces) }

  const bytes = memory ? (wanted.get(memory) ?? 0) : 0
  // In whole numbers: one byte too many is more than a whole device has. The parts are cut where the memory of all before
  // them ends, rounded down, so that their sum is exact and none is larger than its own memory rounded up.
  const memoryUpTo = (point: number) => Number((BigInt(bytes) * BigInt(point)) / BigInt(amount))
  const memoryFor = (part: number) => bytes - memoryUpTo(amount - part)
  const wholes = Math.floor(amount / UNIT)
  const fraction = amount % UNIT
  const unitsOn = (space: Space, lessUnits: number) => {
    const byUnits = Math.floor((Math.min(most, space.free.get(unit) ?? 0) - lessUnits) / UNIT)
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
    const memoryPart = memoryUpTo(done + part) - memoryUpTo(done)
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

/** How much would be left over, as the sum of the shares of what is free. */
export function roomFor(space: Space, wanted: Quanta): number {
  let room = 0
  for (const [name, quantum] of wanted) room += (space.free.get(name) ?? 0) / quantum
  return room
}

/** The device that holds it all with the least left over; one that is whole only where no other would do. */
export function bestFit(wanted: Quanta, spaces: readonly Space[]): Space | undefined {
  let best: Space | undefined
  for (const space of spaces) {
    if (!fitsIn(wanted, space.free)) continue
    if (!best || isBefore(space, best)) best = space
  }
  return best

  function isBefore(a: Space, b: Space): boolean {
    const wholes = Number(isWhole(a)) - Number(isWhole(b))
    if (wholes !== 0) return wholes < 0
    const room = roomFor(a, wanted) - roomFor(b, wanted)
    return room === 0 ? memoryOf(a) < memoryOf(b) : room < 0
  }
}

/** Free, asked for or not. */
function memoryOf({ free }: Space): number {
  return free.get('gpuMemoryBytes') ?? free.get('memoryBytes') ?? 0
}

/** Nothing of it is leased. */
function isWhole({ free, capacity }: Space): boolean {
  return fitsIn(capacity, free)
}

/** Of the device that comes nearest to holding all of it. */
export function leastLack(wanted: Quanta, spaces: readonly Space[]): Quanta {
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
