/** Something that holds a resource until it is disposed. */
export interface Disposable {
  dispose(): void | Promise<void>
}

/** Subscribe; the returned function unsubscribes. Events say what happened, they never steer control flow. */
export type Event<T> = (listener: (value: T) => void) => () => void

/** Fires in the order of subscription. A listener that throws is a bug: it is reported and the others still hear. */
export class Emitter<T> {
  readonly #listeners = new Set<(value: T) => void>()
  readonly #onError: (error: unknown) => void

  constructor(onError: (error: unknown) => void = (error) => queueMicrotask(() => { throw error })) {
    this.#onError = onError
  }

  readonly event: Event<T> = (listener) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  fire(value: T): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(value)
      } catch (error) {
        this.#onError(error)
      }
    }
  }
}
