import type { Lease } from '../../../shared/contract'

/** Leases this module took itself: it knows when they change, and their events are no reason to plan again. */
export class OwnLeases {
  readonly #ids = new Set<string>()

  add(id: string): void {
    this.#ids.add(id)
  }

  /** True when others' leases changed. Forgets its own as they end. */
  concernsOthers(change: { changed: Lease[]; removed: string[] }): boolean {
    let others = change.changed.some(({ id }) => !this.#ids.has(id))
    for (const id of change.removed) if (!this.#ids.delete(id)) others = true
    return others
  }
}
