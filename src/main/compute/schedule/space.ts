import type { Placement } from '../../../shared/contract'
import type { PlaceHints } from '../../../shared/domain/place-hints'
import {
  addVectors,
  RESOURCE_NAMES,
  type ResourceVector,
  subtractVectors,
} from '../../../shared/domain/resources'
import { type FreeDevice, giveBackTo, isSharedOut, takeFrom } from '../../core'
import type { Room } from './online/room'
import type { RequestRoom } from './types'

/** Finds room for the whole vector, or null; as core's `place`. */
export type Place = (
  need: ResourceVector,
  devices: readonly FreeDevice[],
  hints?: PlaceHints,
) => Placement | null

/** What room is looked for, and how its devices are to lie to each other. */
export interface Wanted {
  need: ResourceVector
  place?: PlaceHints | null
  /** One to be taken before others of its kind. */
  device?: string | null
  /** On that one alone. */
  only?: boolean
  /** The room that is kept for a request does not bind it. */
  isFirst?: boolean
}

type Kept = Pick<RequestRoom, 'room' | 'before'>

const MOST_REFUSED = 16

/**
 * What the devices still give while one turn is planned: all of it to those who go before the request that room is kept
 * for, to others what lies beside that room.
 */
export class Space implements Room<Wanted, Placement> {
  readonly #place: Place
  readonly #devices: FreeDevice[]
  #kept: Kept | null
  /** Known not to fit beside that room while room only shrinks: what asks for as much, placed alike, does not fit either. */
  #refused: Pick<Wanted, 'need' | 'place'>[] = []
  /** How often the devices were gone through: all else costs next to nothing. */
  searches = 0

  /** @param kept room on the devices that is kept for a request; null: none */
  constructor(devices: readonly FreeDevice[], place: Place, kept: Kept | null = null) {
    this.#place = place
    this.#devices = devices.map((device) => ({ ...device }))
    this.#kept = kept
  }

  find(wanted: Wanted): Placement | null {
    const { need, place, device, only = false, isFirst = false } = wanted
    if (!isFirst) for (const refused of this.#refused) if (asksForAsMuch(wanted, refused)) return null
    if (covers(NOTHING, need)) return []
    this.searches++
    const devices = isFirst ? this.#devices : this.#beside()
    const there = this.#placeAt(device, devices, need, place)
    const placement = there ?? (only ? null : this.#place(need, devices, place ?? undefined))
    if (!placement && !only) this.#refuse({ need, place })
    return placement
  }

  #refuse(wanted: Pick<Wanted, 'need' | 'place'>): void {
    this.#refused = this.#refused.filter((refused) => !asksForAsMuch(refused, wanted))
    if (this.#refused.length < MOST_REFUSED) this.#refused.push(wanted)
  }

  #beside(): readonly FreeDevice[] {
    if (!this.#kept) return this.#devices
    const reserved = reservedIn(this.#kept)
    return this.#devices.map((device) => {
      const kept = amountsOn(device.id, reserved)
      // Once that is held, programs outside have theirs, too.
      const goes = isSharedOut(kept) && !isSharedOut(device.held ?? NOTHING) ? device.yields : undefined
      return { ...device, free: subtractVectors(device.free, goes ? addVectors(kept, goes) : kept) }
    })
  }

  #placeAt(
    id: string | null | undefined,
    devices: readonly FreeDevice[],
    need: ResourceVector,
    place: Wanted['place'],
  ): Placement | null {
    const wanted = id ? devices.find((device) => device.id === id) : undefined
    const others = devices.filter(({ kind }) => kind !== wanted?.kind)
    if (!wanted || others.length === devices.length - 1) return null
    return this.#place(need, [wanted, ...others], place ?? undefined)
  }

  /** As {@link find}, had these ended before. */
  fitsAfter(wanted: Wanted, ended: readonly { placement: Placement; isSince: boolean }[]): Placement | null {
    const space = this.copy()
    for (const { placement, isSince } of ended) space.end(placement, isSince)
    return space.find(wanted)
  }

  /** What would come free if everything ended that runs here, and what the request is to have. */
  held(): Placement {
    const all = this.#kept ? reservedIn(this.#kept) : []
    return this.#devices.map(
      ({ id, capacity, outside = NOTHING, owed = NOTHING, held, yields = NOTHING, free }) => {
        const yielded = held && isSharedOut(held) ? yields : NOTHING
        const most = subtractVectors(addVectors(subtractVectors(capacity, outside), owed), yielded)
        const reserved = amountsOn(id, all)
        // As it is taken out again beside the room that is kept.
        const kept = isSharedOut(reserved) ? addVectors(reserved, yields) : reserved
        return { device: id, amounts: subtractVectors(addVectors(most, kept), free) }
      },
    )
  }

  lackOf(wanted: Wanted): Wanted {
    const lacking = partsOf(wanted.need).filter((need) => this.find({ ...wanted, need }) === null)
    return lacking.length === 0 ? wanted : { ...wanted, need: lacking.reduce(addVectors, NOTHING) }
  }

  covers(wanted: Wanted, other: Wanted): boolean {
    const seesNoMore = other.isFirst || !wanted.isFirst
    return !other.only && seesNoMore && asksForAsMuch(wanted, other)
  }

  take(placement: Placement): void {
    for (const part of placement) {
      const device = this.#devices.find(({ id }) => id === part.device)
      if (device) takeFrom(device, part.amounts)
    }
  }

  give(placement: Placement): void {
    this.#refused = []
    for (const part of placement) {
      const device = this.#devices.find(({ id }) => id === part.device)
      if (device) giveBackTo(device, part.amounts)
    }
  }

  /**
   * Gives back what has ended.
   * @param isSince it was granted since room is kept for the request: that then has nothing of it
   */
  end(placement: Placement, isSince: boolean): void {
    this.give(placement)
    if (this.#kept && !isSince) this.#kept = withoutBefore(this.#kept, placement)
  }

  /** As they are now, beside the room that is kept for a request. */
  devices(): FreeDevice[] {
    return this.#beside().map((device) => ({ ...device }))
  }

  /** @param kept for another request, or none */
  copy(kept = this.#kept): Space {
    return new Space(this.#devices, this.#place, kept)
  }
}

/** What others must leave free of a room: what is not to come from leases of before. */
export function reservedIn({ room, before }: Kept): Placement {
  return without(room, before)
}

/** One of the leases of before has ended. */
export function withoutBefore<K extends Kept>(kept: K, ended: Placement): K {
  return { ...kept, before: without(kept.before, ended) }
}

/** Device by device, none less than nothing. */
export function without(some: Placement, others: Placement): Placement {
  return some.map(({ device, amounts }) => ({
    device,
    amounts: subtractVectors(amounts, amountsOn(device, others)),
  }))
}

function amountsOn(device: string, placement: Placement): ResourceVector {
  return placement.find((part) => part.device === device)?.amounts ?? NOTHING
}

/**
 * True when `a` asks for at least all that `b` asks for, and of each of several GPUs for at least as much memory. Asked
 * for each class of the queue, so nothing is made here.
 */
function covers(a: ResourceVector, b: ResourceVector): boolean {
  for (const name of RESOURCE_NAMES) if ((a[name] ?? 0) < (b[name] ?? 0)) return false
  for (const name in b.custom) if ((a.custom?.[name] ?? 0) < (b.custom[name] ?? 0)) return false
  return memoryOfEach(a) >= memoryOfEach(b)
}

/** What fits as it is to lie fits wherever that is open, not the other way round. */
function asksForAsMuch(a: Pick<Wanted, 'need' | 'place'>, b: Pick<Wanted, 'need' | 'place'>): boolean {
  if (!covers(a.need, b.need) || (b.place && !isSamePlace(a.place, b.place))) return false
  // The more is spread, the more may lie on one device.
  return b.place?.devices !== 'spread' || covers(b.need, a.need)
}

function memoryOfEach({ gpu = 0, gpuMemoryBytes = 0 }: ResourceVector): number {
  return gpuMemoryBytes / Math.max(1, gpu)
}

/** Resources of one kind of device lie together, the others each where there are some. */
function partsOf(need: ResourceVector): ResourceVector[] {
  const { cpuCores = 0, memoryBytes = 0, gpu = 0, gpuMemoryBytes = 0, npu = 0, fpga = 0, custom = {} } = need
  const own = Object.entries(custom).map(([name, amount]) => ({ custom: { [name]: amount } }))
  return [{ cpuCores, memoryBytes }, { gpu, gpuMemoryBytes }, { npu }, { fpga }, ...own]
}

function isSamePlace(a: Wanted['place'], b: PlaceHints): boolean {
  return a?.devices === b.devices && a?.numaNode === b.numaNode
}

const NOTHING: ResourceVector = {}
