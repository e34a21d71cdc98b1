import type { Placement } from '../../../shared/contract'
import {
  addVectors,
  RESOURCE_NAMES,
  type ResourceVector,
  subtractVectors,
} from '../../../shared/domain/resources'
import type { FreeDevice } from '../../core'

/** Finds room for the whole vector, or null; as core's `place`. */
export type Place = (need: ResourceVector, devices: readonly FreeDevice[]) => Placement | null

/** What the devices still give while one turn is planned. */
export class Space {
  readonly #place: Place
  readonly #devices: FreeDevice[]
  /** Needs known not to fit; room only shrinks during a turn, so a need that asks for as much does not fit either. */
  readonly #refused: ResourceVector[] = []

  constructor(devices: readonly FreeDevice[], place: Place) {
    this.#place = place
    this.#devices = devices.map((device) => ({ ...device }))
  }

  fits(need: ResourceVector): Placement | null {
    if (covers(NOTHING, need)) return []
    if (this.#refused.some((refused) => covers(need, refused))) return null
    const placement = this.#place(need, this.#devices)
    if (!placement && this.#refused.length < 16) this.#refused.push(need)
    return placement
  }

  /** As {@link fits}, were `released` given back before. */
  fitsAfter(need: ResourceVector, released: readonly Placement[]): Placement | null {
    const devices = this.#devices.map((device) => ({ ...device }))
    for (const placement of released) {
      for (const part of placement) {
        const device = devices.find(({ id }) => id === part.device)
        if (device) device.free = addVectors(device.free, part.amounts)
      }
    }
    return this.#place(need, devices)
  }

  /** Where it would lie on a machine without any lease; null when the devices for it are gone. */
  fitsEmpty(need: ResourceVector): Placement | null {
    return this.#place(
      need,
      this.#devices.map((device) => ({ ...device, free: device.capacity })),
    )
  }

  /** Takes as much of the placement as is there. */
  take(placement: Placement): void {
    for (const part of placement) {
      const device = this.#devices.find(({ id }) => id === part.device)
      if (device) device.free = subtractVectors(device.free, part.amounts)
    }
  }

  total(): ResourceVector {
    let total: ResourceVector = {}
    for (const device of this.#devices) if (device.healthy) total = addVectors(total, device.free)
    return total
  }

  copy(): Space {
    return new Space(this.#devices, this.#place)
  }
}

/** True when `a` asks for at least all that `b` asks for. Asked for each class of the queue, so nothing is made here. */
function covers(a: ResourceVector, b: ResourceVector): boolean {
  for (const name of RESOURCE_NAMES) if ((a[name] ?? 0) < (b[name] ?? 0)) return false
  for (const name in b.custom) if ((a.custom?.[name] ?? 0) < (b.custom[name] ?? 0)) return false
  return true
}

const NOTHING: ResourceVector = {}
