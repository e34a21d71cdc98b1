import { Worker } from 'node:worker_threads'
import { AppError, type ErrorView } from '../../../shared/errors'
import type { Clock } from '../../platform/clock'
import type { Disposable } from '../../platform/events'
import { Thread } from '../../platform/thread'

/** `refused`: a tensor in it is no good, and too large to be handed over. */
export type JsonAnswer = { value: unknown } | { problem: string } | { refused: ErrorView }

/** A shorter body is parsed at once: some 3 ms of the event loop at the most. */
const LARGE_BYTES = 256 * 1024
const MOST_MEMORY_MB = 1024

/**
 * Reads bodies as JSON. Large ones, which carry tensors, are parsed in a thread: 60 MiB would hold up the event loop for
 * most of a second. One at a time.
 */
export class JsonBodies implements Disposable {
  readonly #thread: Thread<Buffer, JsonAnswer>

  /** @param entry the built thread */
  constructor(entry: string, clock: Clock) {
    const resourceLimits = { maxOldGenerationSizeMb: MOST_MEMORY_MB }
    this.#thread = new Thread(() => new Worker(entry, { resourceLimits }), clock)
  }

  /**
   * @throws AppError `system.invalid` for what is no JSON, `network.too_large` for what a thread cannot hold,
   * `compute.invalid_input` for a large tensor that is no good
   */
  async parse(body: Buffer): Promise<unknown> {
    if (body.byteLength < LARGE_BYTES) return parsed(body)
    const answer = await this.#thread.ask(body).catch((error: unknown) => {
      const message =
        'This body takes more memory than there is for one. Send its tensors as base64, or as a data set.'
      throw new AppError('network.too_large', message, {}, { cause: error })
    })
    if ('value' in answer) return answer.value
    if ('refused' in answer) {
      const { code, message, details } = answer.refused
      throw new AppError(code, message, details)
    }
    throw invalid(answer.problem)
  }

  dispose(): Promise<void> {
    return this.#thread.dispose()
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
