import type { Placement } from '../../../shared/contract'
import type { PlaceHints } from '../../../shared/domain/place-hints'
import {
  addVectors,
  RESOURCE_NAMES,
  type ResourceVector,
  subtractVectors,
} from '../../../shared/domain/resources'
import type { FreeDevice } from '../../core'
import type { Room } from './online/room'

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
}

/** What the devices still give while one turn is planned. */
export class Space implements Room<Wanted, Placement> {
  readonly #place: Place
  readonly #devices: FreeDevice[]
  /** Needs known not to fit while room only shrinks: a need that asks for as much does not fit either. */
  #refused: ResourceVector[] = []
  /** How often the devices were gone through: all else costs next to nothing. */
  searches = 0

  constructor(devices: readonly FreeDevice[], place: Place) {
    this.#place = place
    this.#devices = devices.map((device) => ({ ...device }))
  }

  find({ need, place, device, only = false }: Wanted): Placement | null {
    for (const refused of this.#refused) if (covers(need, refused)) return null
    if (covers(NOTHING, need)) return []
    this.searches++
    const there = this.#placeAt(device, need, place)
    const placement = there ?? (only ? null : this.#place(need, this.#devices, place ?? undefined))
    // What does not fit as it is to lie might fit otherwise.
    if (!placement && !place && !only) this.#refuse(need)
    return placement
  }

  #refuse(need: ResourceVector): void {
    this.#refused = this.#refused.filter((refused) => !covers(refused, need))
    if (this.#refused.length < 16) this.#refused.push(need)
  }

  #placeAt(id: string | null | undefined, need: ResourceVector, place: Wanted['place']): Placement | null {
    const wanted = id ? this.#devices.find((device) => device.id === id) : undefined
    const others = this.#devices.filter(({ kind }) => kind !== wanted?.kind)
    if (!wanted || others.length === this.#devices.length - 1) return null
    return this.#place(need, [wanted, ...others], place ?? undefined)
  }

  /** As {@link find}, were `released` given back before. */
  fitsAfter(wanted: Wanted, released: readonly Placement[]): Placement | null {
    const space = this.copy()
    for (const placement of released) space.give(placement)
    return space.find(wanted)
  }

  /** What would come free if everything ended that runs here. */
  held(): Placement {
    return this.#devices.map(({ id, capacity, outside = NOTHING, free }) => ({
      device: id,
      amounts: subtractVectors(subtractVectors(capacity, outside), free),
    }))
  }

  lackOf(wanted: Wanted): Wanted {
    const lacking = partsOf(wanted.need).filter((need) => this.find({ ...wanted, need }) === null)
    return lacking.length === 0 ? wanted : { ...wanted, need: lacking.reduce(addVectors, NOTHING) }
  }

  covers(wanted: Wanted, other: Wanted): boolean {
    const isPlacedAlike = !other.place || isSamePlace(wanted.place, other.place)
    return isPlacedAlike && !other.only && covers(wanted.need, other.need)
  }

  /** Takes as much of the placement as is there. */
  take(placement: Placement): void {
    for (const part of placement) {
      const device = this.#devices.find(({ id }) => id === part.device)
      if (device) device.free = subtractVectors(device.free, part.amounts)
    }
  }

  give(placement: Placement): void {
    this.#refused = []
    for (const part of placement) {
      const device = this.#devices.find(({ id }) => id === part.device)
      if (device) device.free = addVectors(device.free, part.amounts)
    }
  }

  /** As they are now. */
  devices(): FreeDevice[] {
    return this.#devices.map((device) => ({ ...device }))
  }

  copy(): Space {
    return new Space(this.#devices, this.#place)
  }
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
