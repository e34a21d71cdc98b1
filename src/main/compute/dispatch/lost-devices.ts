import type { Device } from '../../../shared/contract'
import type { Core } from '../../core'
import type { Logger } from '../../platform/logger'
import type { ActiveJob } from '../jobs/active-job'
import type { AttemptEnd } from './attempt'

/** Of a job that may itself be what its device does not survive. */
const MOST_INTERRUPTIONS = 3

/** Devices that are gone, or fail, while jobs run on them: the work goes back to the queue, and the job has not failed. */
export class LostDevices {
  readonly #core: Core
  readonly #logger: Logger
  readonly #ids = new Set<string>()

  constructor(core: Core, logger: Logger) {
    this.#core = core
    this.#logger = logger
  }

  /** @returns whether one has just been lost */
  note(changed: readonly Device[]): boolean {
    let isLost = false
    for (const { id, health } of changed) {
      if (health !== 'missing') this.#ids.delete(id)
      else if (!this.#ids.has(id)) {
        this.#ids.add(id)
        isLost = true
      }
    }
    return isLost
  }

  /** Stops the running attempt of a job whose device is gone. */
  abort(job: ActiveJob): void {
    if (this.#ids.size > 0 && job.status.placement?.some(({ device }) => this.#ids.has(device)))
      job.abort?.('device_lost')
  }

  /** Never rejects. A worker whose device has gone fails with words of its own, often before anybody has noticed: look, then judge. */
  async judge(end: AttemptEnd): Promise<AttemptEnd> {
    const { job, outcome } = end
    const placement = job.status.placement ?? []
    const isOnAccelerator = placement.some(({ amounts: { gpu, npu, fpga } }) => gpu || npu || fpga)
    if (outcome.kind !== 'failed' || !isOnAccelerator) return end
    try {
      await this.#core.rescan()
    } catch (error) {
      this.#logger.error({ err: error, job: job.id }, 'The devices could not be looked for')
    }
    const devices = this.#core.listDevices()
    const healths = placement.map(
      ({ device }) => devices.find(({ id }) => id === device)?.health ?? 'missing',
    )
    // A GPU that has failed is still seen on the bus. It takes no work until it is well.
    const interruptions = job.status.attempts.filter(({ end: ending }) => ending === 'interrupted').length
    const hasFailed = healths.includes('degraded') && interruptions < MOST_INTERRUPTIONS
    const isLost = healths.includes('missing') || hasFailed
    return isLost ? { ...end, outcome: { kind: 'aborted', reason: 'device_lost' } } : end
  }
}
