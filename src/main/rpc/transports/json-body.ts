import { Worker } from 'node:worker_threads'
import { AppError } from '../../../shared/errors'
import type { Clock } from '../../platform/clock'
import type { Disposable } from '../../platform/events'

export type JsonAnswer = { value: unknown } | { problem: string }

/** A shorter body is parsed at once: some 3 ms of the event loop at the most. */
const LARGE_BYTES = 256 * 1024
const IDLE_MS = 30_000
const MOST_MEMORY_MB = 1024

/**
 * Reads bodies as JSON. Large ones, which carry tensors, are parsed in a thread: 60 MiB would hold up the event loop for
 * most of a second. One at a time.
 */
export class JsonBodies implements Disposable {
  readonly #entry: string
  readonly #clock: Clock
  #worker: Worker | null = null
  #cancelIdle: () => void = () => undefined
  #last: Promise<unknown> = Promise.resolve()

  /** @param entry the built thread */
  constructor(entry: string, clock: Clock) {
    this.#entry = entry
    this.#clock = clock
  }

  /** @throws AppError `system.invalid` for what is no JSON, `network.too_large` for what a thread cannot hold */
  async parse(body: Buffer): Promise<unknown> {
    if (body.byteLength < LARGE_BYTES) return parsed(body)
    const turn = this.#last.then(() => this.#parseLarge(body))
    this.#last = turn.catch(() => undefined)
    const answer = await turn
    if ('value' in answer) return answer.value
    throw invalid(answer.problem)
  }

  async dispose(): Promise<void> {
    this.#cancelIdle()
    const worker = this.#worker
    this.#worker = null
    await worker?.terminate()
  }

  async #parseLarge(body: Buffer): Promise<JsonAnswer> {
    this.#cancelIdle()
    this.#worker ??= this.#start()
    const worker = this.#worker
    worker.ref()
    try {
      return await new Promise<JsonAnswer>((resolve, reject) => {
        const settle = (how: () => void) => {
          worker.off('message', onMessage).off('error', onError).off('exit', onExit)
          how()
        }
        const onMessage = (answer: JsonAnswer) => settle(() => resolve(answer))
        const onError = (error: Error) => settle(() => reject(error))
        const onExit = () => onError(new Error('The thread ended.'))
        worker.on('message', onMessage).on('error', onError).on('exit', onExit)
        worker.postMessage(body)
      })
    } catch (error) {
      this.#worker = null
      const message =
        'This body takes more memory than there is for one. Send its tensors as base64, or as a data set.'
      throw new AppError('network.too_large', message, {}, { cause: error })
    } finally {
      worker.unref()
      this.#cancelIdle = this.#clock.setTimer(IDLE_MS, () => void this.dispose())
    }
  }

  #start(): Worker {
    return new Worker(this.#entry, { resourceLimits: { maxOldGenerationSizeMb: MOST_MEMORY_MB } })
  }
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString())
  } catch (error) {
    throw invalid(error instanceof Error ? error.message : '')
  }
}

function invalid(problem: string): AppError {
  return new AppError('system.invalid', `The body is not valid JSON: ${problem}`, { field: '' })
}
