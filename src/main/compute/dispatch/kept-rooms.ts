import type { JobId } from '../../../shared/domain/ids'
import {
  isEmptyVector,
  type ResourceVector,
  shortage,
  subtractVectors,
} from '../../../shared/domain/resources'
import type { Core, FreeDevice } from '../../core'
import type { JobIndex } from '../jobs/job-index'
import type { Kept, PlanState } from '../schedule/types'

const GONE: Pick<FreeDevice, 'healthy' | 'capacity' | 'outside'> = { healthy: false, capacity: {} }

interface KeptRoom {
  need: ResourceVector
  placement: Kept['placement']
  priority: number
  since: number
  release(): void
}

/**
 * Room that the planner keeps is kept against leases of programs, too, once a job has waited `holdBackAfterMs`. It stays
 * as it was first found as long as it is kept for the same: only leases since then have to lie beside it, so that those
 * of before end and it fits.
 */
export class KeptRooms {
  readonly #core: Core
  readonly #index: JobIndex
  readonly #rooms = new Map<JobId, KeptRoom>()

  constructor(core: Core, index: JobIndex) {
    this.#core = core
    this.#index = index
  }

  /** @param state what the turn was planned from */
  update(kept: readonly Kept[], { now, policy, devices }: PlanState): void {
    // Places of those that await engines may overlap, which those of leases must not.
    const isDue = (id: JobId) =>
      now >= (this.#index.get(id)?.status.readyAt ?? Number.POSITIVE_INFINITY) + policy.holdBackAfterMs
    const awaiting = kept.filter(({ job, awaitsEngine }) => awaitsEngine && isDue(job))
    const awaits = awaiting.find(({ job }) => this.#rooms.has(job)) ?? awaiting[0]
    const apart = kept.filter((room) => !room.awaitsEngine || room === awaits)
    const lasting = new Map(apart.map((room) => [room.job, room]))
    const isThere = ({ device, amounts }: Kept['placement'][number]) => {
      const { healthy, capacity, outside = {} } = devices.find(({ id }) => id === device) ?? GONE
      return healthy && isEmptyVector(shortage(amounts, subtractVectors(capacity, outside)))
    }
    for (const [id, { need, placement, priority, since, release }] of this.#rooms) {
      const still = lasting.get(id)
      const status = this.#index.get(id)?.status
      const ranksAlike = status?.priority === priority && status.readyAt === since
      // Less is asked for while its own engine is idle: what was kept is enough then, too.
      const isEnough = still && isEmptyVector(shortage(still.need, need))
      if (isEnough && ranksAlike && placement.every(isThere)) continue
      this.#rooms.delete(id)
      release()
    }
    for (const { job: id, need, placement } of apart) {
      const job = this.#index.get(id)
      if (!job || this.#rooms.has(id) || !isDue(id)) continue
      const { readyAt: since, priority } = job.status
      const { name: purpose, principal: holder } = job.definition
      const release = this.#core.keepRoom({ placement, purpose, holder, priority, since })
      this.#rooms.set(id, { need, placement, priority, since, release })
    }
  }
}
