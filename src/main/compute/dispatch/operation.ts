import type { Apart } from './apart'

/** What a caller wants done in the next turn, and how it hears of it. */
export interface Operation {
  /** Does it within the open transaction; what fails is undone alone. @returns tells the caller, once all is on the disk */
  perform(apart: Apart): () => void
  reject(error: unknown): void
}

export function operationOf<T>(
  work: () => T,
  resolve: (value: T) => void,
  reject: (error: unknown) => void,
): Operation {
  return {
    perform(apart) {
      try {
        const value = apart.run(work)
        return () => resolve(value)
      } catch (error) {
        return () => reject(error)
      }
    },
    reject,
  }
}
