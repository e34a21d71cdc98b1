import type { JobId } from '../../../shared/domain/ids'
import type { Clock } from '../../platform/clock'
import type { Logger } from '../../platform/logger'
import { type Forecast, forecasting } from '../schedule/forecast'
import type { Scene } from '../schedule/forward'
import { placeOrNull } from '../schedule/place-or-null'

/** A turn of the event loop gives so much to replays. */
const SLICE_MS = 4
/** From the end of one to the beginning of the next. */
const INTERVAL_MS = 500
/** Pause for each millisecond of work: replays take at most one part in so many. */
const PAUSES = 20

interface ForecasterDeps {
  clock: Clock
  logger: Logger
  /** The present; null when nothing waits. */
  scene(): Scene | null
  onForecast(forecasts: ReadonlyMap<JobId, Forecast>, madeAt: number): void
}

/** Replays the queue forward when something has changed: in slices, seldom, and never more than one at a time. */
export class Forecaster {
  readonly #deps: ForecasterDeps
  #earliest = Number.NEGATIVE_INFINITY
  #running = false
  #cancel: (() => void) | null = null
  #disposed = false

  constructor(deps: ForecasterDeps) {
    this.#deps = deps
  }

  /** Asks for a new one as soon as one is due. Short ones are through when it returns. */
  request(): void {
    if (this.#running || this.#cancel) return
    const { clock } = this.#deps
    const waitMs = this.#earliest - clock.now()
    if (waitMs <= 0) this.#begin()
    else
      this.#cancel = clock.setTimer(waitMs, () => {
        this.#cancel = null
        this.#begin()
      })
  }

  dispose(): void {
    this.#disposed = true
    this.#cancel?.()
  }

  #begin(): void {
    const scene = this.#deps.scene()
    if (!scene) return
    this.#running = true
    this.#slice(forecasting(scene, placeOrNull), scene.state.now, 0)
  }

  #slice(replay: ReturnType<typeof forecasting>, madeAt: number, spentMs: number): void {
    if (this.#disposed) return
    const began = performance.now()
    let step: ReturnType<typeof replay.next>
    try {
      step = replay.next()
      while (!step.done && performance.now() - began < SLICE_MS) step = replay.next()
    } catch (error) {
      this.#running = false
      this.#deps.logger.error({ err: error }, 'The starts of jobs could not be foretold')
      return
    }
    const spent = spentMs + performance.now() - began
    if (!step.done) {
      setImmediate(() => this.#slice(replay, madeAt, spent))
      return
    }
    this.#running = false
    this.#earliest = this.#deps.clock.now() + Math.max(INTERVAL_MS, PAUSES * spent)
    this.#deps.onForecast(step.value, madeAt)
  }
}
