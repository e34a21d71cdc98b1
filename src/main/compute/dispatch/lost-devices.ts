import type { Device } from '../../../shared/contract'
import { AppError } from '../../../shared/errors'
import type { Core } from '../../core'
import type { Logger } from '../../platform/logger'
import type { ActiveJob } from '../jobs/active-job'
import type { AttemptEnd } from './attempt'

/** Of a job that may itself be what its devices do not survive; after them a loss is its own failure. */
const MOST_LOSSES = 3

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

  /**
   * What became of an attempt that did not succeed. A worker whose device has gone fails with words of its own, often before
   * anybody has noticed: look, then judge. Never rejects.
   */
  async judge(end: AttemptEnd): Promise<AttemptEnd> {
    const { job, outcome } = end
    const losses = job.status.attempts.filter(({ end: ending }) => ending === 'device_lost').length
    if (losses >= MOST_LOSSES) return blamed(end, losses + 1)
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
    const isLost = healths.includes('missing') || healths.includes('degraded')
    return isLost ? { ...end, outcome: { kind: 'aborted', reason: 'device_lost' } } : end
  }
}

function blamed(end: AttemptEnd, losses: number): AttemptEnd {
  if (end.outcome.kind !== 'aborted' || end.outcome.reason !== 'device_lost') return end
  const message = `Its device was lost while it ran, ${losses} times: the job may be what the device does not survive. Look at the device, then retry the job.`
  const error = new AppError('compute.worker_crashed', message, { losses })
  return { ...end, outcome: { kind: 'failed', error } }
}
