import type { TextPiece } from '@shared/contract'
import { type Client, onEachConnection } from '../../lib/client'
import { onNextFrame } from '../../lib/live'

export type OpenTexts = (client: Client, signal: AbortSignal) => Promise<AsyncIterable<TextPiece>>

/**
 * Follows the texts of a job through every connection, at most once a frame; returns the stop. With each connection the
 * system sends them from their beginning, also those of a job that has ended.
 */
export function followTexts(open: OpenTexts, show: (texts: string[]) => void): () => void {
  const follow = async (client: Client, signal: AbortSignal): Promise<void> => {
    let texts: string[] = []
    let planned = false
    const flush = () => {
      planned = false
      if (!signal.aborted) show(texts)
    }
    for await (const { completion, at, text } of await open(client, signal)) {
      const next = [...texts]
      next[completion] = (next[completion] ?? '').slice(0, at) + text
      texts = next
      if (planned) continue
      planned = true
      onNextFrame(flush)
    }
  }
  // How the job stands, and why it failed, is shown where its texts are.
  return onEachConnection((client, signal) => void follow(client, signal).catch(() => undefined))
}
