import type { JobId } from '../../../shared/domain/ids'
import type { Clock } from '../../platform/clock'
import type { Logger } from '../../platform/logger'
import type { Forecast } from '../schedule/forecast'
import type { Scene } from '../schedule/scene'
import type { Replays } from './replays'

/** From the end of one to the beginning of the next. */
const INTERVAL_MS = 500
/** Pause for each millisecond of work: replays take at most one part in so many of a core of their own. */
const PAUSES = 4

interface ForecasterDeps {
  clock: Clock
  logger: Logger
  replays: Replays
  /** The present; null when nothing waits. */
  scene(): Scene | null
  onForecast(forecasts: ReadonlyMap<JobId, Forecast>, madeAt: number): void
}

/** Replays the queue forward when something has changed: seldom, and never more than one at a time. */
export class Forecaster {
  readonly #deps: ForecasterDeps
  #earliest = Number.NEGATIVE_INFINITY
  #running = false
  #cancel: (() => void) | null = null
  #disposed = false

  constructor(deps: ForecasterDeps) {
    this.#deps = deps
  }

  /** Asks for a new one as soon as one is due. */
  request(): void {
    if (this.#running || this.#cancel) return
    const { clock } = this.#deps
    const waitMs = this.#earliest - clock.now()
    if (waitMs <= 0) void this.#run()
    else
      this.#cancel = clock.setTimer(waitMs, () => {
        this.#cancel = null
        void this.#run()
      })
  }

  dispose(): void {
    this.#disposed = true
    this.#cancel?.()
  }

  async #run(): Promise<void> {
    const { clock, logger, replays, onForecast } = this.#deps
    const scene = this.#deps.scene()
    if (!scene) return
    this.#running = true
    const began = clock.now()
    let workMs = 0
    try {
      const { answer, tookMs } = await replays.forecast(scene)
      workMs = tookMs
      if (!this.#disposed) onForecast(answer, scene.state.now)
    } catch (error) {
      workMs = clock.now() - began
      if (!this.#disposed) logger.error({ err: error }, 'The starts of jobs could not be foretold')
    } finally {
      this.#running = false
      this.#earliest = clock.now() + Math.max(INTERVAL_MS, PAUSES * workMs)
    }
  }
}
