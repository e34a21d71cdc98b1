import { rm } from 'node:fs/promises'
import type { Logger } from '../platform/logger'

/** A virus scanner or an indexer may hold a file of ours open for a moment. Only a recursive removal is tried again. */
export const MOST_RETRIES = 5

/**
 * Removes a file, or a folder with all below it, that may as well stay: what cannot be removed is said in the log and is the
 * next one's. @returns whether it is gone
 */
export async function clear(path: string, logger: Logger): Promise<boolean> {
  try {
    await rm(path, { recursive: true, force: true, maxRetries: MOST_RETRIES })
    return true
  } catch (error) {
    logger.warn({ err: error, path }, 'What is of no more use could not be removed.')
    return false
  }
}
