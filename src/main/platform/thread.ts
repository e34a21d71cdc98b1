import type { Worker } from 'node:worker_threads'
import type { Clock } from './clock'
import type { Disposable } from './events'

const IDLE_MS = 30_000

export interface AskOptions {
  /** The thread is ended when the answer takes longer. */
  timeoutMs?: number
  /** Ends the wait, and the thread if it is at this request. */
  signal?: AbortSignal | undefined
}

/** It took longer than it may. */
export class ThreadTimeout extends Error {}

/**
 * A thread for work that would hold up the event loop, or that may be hostile: one request at a time, in their order. It
 * begins with the first request, ends when nothing was asked for a while, and begins again after an accident.
 */
export class Thread<Request, Answer> implements Disposable {
  readonly #begin: () => Worker
  readonly #clock: Clock
  #worker: Worker | null = null
  #cancelIdle: () => void = () => undefined
  #last: Promise<unknown> = Promise.resolve()
  #disposed = false

  /** @param begin makes the thread: it answers each message with one message */
  constructor(begin: () => Worker, clock: Clock) {
    this.#begin = begin
    this.#clock = clock
  }

  /** @throws ThreadTimeout, the reason of the signal, or what the thread died of */
  ask(request: Request, options: AskOptions = {}): Promise<Answer> {
    const turn = this.#last.then(() => {
      options.signal?.throwIfAborted()
      if (this.#disposed) throw new Error('The thread was disposed.')
      return this.#ask(request, options)
    })
    this.#last = turn.catch(() => undefined)
    return turn
  }

  /** For good: what is asked, or waits, fails. */
  dispose(): Promise<void> {
    this.#disposed = true
    return this.#end()
  }

  async #end(): Promise<void> {
    this.#cancelIdle()
    const worker = this.#worker
    this.#worker = null
    await worker?.terminate()
  }

  async #ask(request: Request, { timeoutMs, signal }: AskOptions): Promise<Answer> {
    this.#cancelIdle()
    const worker = this.#worker ?? this.#start()
    // Who waits for an answer keeps the process alive; an idle thread does not.
    worker.ref()
    let letGo: () => void = () => undefined
    try {
      return await new Promise<Answer>((resolve, reject) => {
        const onAbort = () => reject(signal?.reason)
        const onExit = () => reject(new Error('The thread ended.'))
        const cancelTimeout =
          timeoutMs === undefined
            ? () => undefined
            : this.#clock.setTimer(timeoutMs, () =>
                reject(new ThreadTimeout(`No answer in ${timeoutMs} ms.`)),
              )
        signal?.addEventListener('abort', onAbort)
        worker.on('message', resolve).on('error', reject).on('exit', onExit)
        letGo = () => {
          cancelTimeout()
          signal?.removeEventListener('abort', onAbort)
          worker.off('message', resolve).off('error', reject).off('exit', onExit)
        }
        worker.postMessage(request)
      })
    } catch (error) {
      // Whatever it is at, nobody wants it any more.
      if (this.#worker === worker) this.#worker = null
      void worker.terminate()
      throw error
    } finally {
      letGo()
      worker.unref()
      if (!this.#disposed) this.#cancelIdle = this.#clock.setTimer(IDLE_MS, () => void this.#end())
    }
  }

  #start(): Worker {
    const worker = this.#begin()
    // One that ends while nobody waits is no news; without a listener its error would end the process.
    worker.on('error', () => undefined)
    worker.on('exit', () => {
      if (this.#worker === worker) this.#worker = null
    })
    this.#worker = worker
    return worker
  }
}
