import type { JobId } from '../../../shared/domain/ids'
import type { Clock } from '../../platform/clock'
import type { Logger } from '../../platform/logger'
import type { Forecast } from '../schedule/forecast'
import type { Scene } from '../schedule/scene'
import type { Plan, PlanState } from '../schedule/types'
import type { Replays } from './replays'

/** From the end of one to the beginning of the next. */
const INTERVAL_MS = 500
/** Pause for each millisecond of work: replays take at most one part in so many of a core of their own. */
const PAUSES = 4

interface ForecasterDeps {
  clock: Clock
  logger: Logger
  replays: Replays
  /** The present, from what a turn plans for; null when nothing waits. */
  sceneOf(state: PlanState): Scene | null
  /** Asks for a turn, also from within one. */
  requestTurn(): void
  onForecast(forecasts: ReadonlyMap<JobId, Forecast>, madeAt: number): void
}

/**
 * Replays the queue forward when something has changed: seldom, and never more than one at a time. Only a turn shows all of
 * what runs and waits: between turns jobs begin and end whose rows say nothing of it yet.
 */
export class Forecaster {
  readonly #deps: ForecasterDeps
  #earliest = Number.NEGATIVE_INFINITY
  #running = false
  /** Something has changed for those that wait. */
  #isWanted = false
  /** This turn's own change is that it was looked at. */
  #hasLooked = false
  #cancel: (() => void) | null = null
  #disposed = false

  constructor(deps: ForecasterDeps) {
    this.#deps = deps
  }

  /** Within a turn, before it is planned. */
  look(state: PlanState): void {
    this.#hasLooked = this.#isWanted && !this.#running && this.#deps.clock.now() >= this.#earliest
    if (!this.#hasLooked) return
    this.#isWanted = false
    this.#cancel?.()
    this.#cancel = null
    const scene = this.#deps.sceneOf(state)
    if (scene) void this.#run(scene)
  }

  /** After {@link look}, in the same turn. */
  planned({ blocked }: Plan): void {
    if (this.#hasLooked || blocked.size === 0) return
    this.#isWanted = true
    if (!this.#running) this.#lookSoon()
  }

  dispose(): void {
    this.#disposed = true
    this.#cancel?.()
  }

  #lookSoon(): void {
    const { clock, requestTurn } = this.#deps
    const waitMs = this.#earliest - clock.now()
    if (waitMs <= 0) requestTurn()
    else
      this.#cancel ??= clock.setTimer(waitMs, () => {
        this.#cancel = null
        requestTurn()
      })
  }

  async #run(scene: Scene): Promise<void> {
    const { clock, logger, replays, onForecast } = this.#deps
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
      if (this.#isWanted && !this.#disposed) this.#lookSoon()
    }
  }
}
