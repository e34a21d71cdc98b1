import type { Apart } from './apart'

/** What a caller wants done in the next turn, and how it hears of it. */
export interface Operation {
  work: () => unknown
  resolve: (value: never) => void
  reject: (error: unknown) => void
}

/** Does it within the open transaction; what fails is undone alone. @returns tells the caller, once all is on the disk */
export function perform(apart: Apart, { work, resolve, reject }: Operation): () => void {
  try {
    const value = apart.run(work)
    return () => resolve(value as never)
  } catch (error) {
    return () => reject(error)
  }
}
