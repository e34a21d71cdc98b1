/** Something that holds a resource until it is disposed. */
export interface Disposable {
  dispose(): void | Promise<void>
}

/** Subscribe; the returned function unsubscribes. Events say what happened, they never steer control flow. */
export type Event<T> = (listener: (value: T) => void) => () => void

/** Fires in the order of subscription. A listener that throws is a bug: it is reported and the others still hear. */
export class Emitter<T> {
  // Wrapped, so that a function that subscribes twice hears twice and unsubscribes one at a time.
  readonly #listeners = new Set<{ listener: (value: T) => void }>()
  readonly #onError: (error: unknown) => void

  constructor(
    onError: (error: unknown) => void = (error) =>
      queueMicrotask(() => {
        throw error
      }),
  ) {
    this.#onError = onError
  }

  readonly event: Event<T> = (listener) => {
    const subscription = { listener }
    this.#listeners.add(subscription)
    return () => void this.#listeners.delete(subscription)
  }

  fire(value: T): void {
    for (const subscription of [...this.#listeners]) {
      // Another listener may have ended this one meanwhile.
      if (!this.#listeners.has(subscription)) continue
      try {
        subscription.listener(value)
      } catch (error) {
        this.#onError(error)
      }
    }
  }
}
