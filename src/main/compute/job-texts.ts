import type { JobResult, TextPiece } from '../../shared/contract'
import type { ActiveJob } from './jobs/active-job'

interface Follower {
  /** UTF-16 units of each text that were sent. */
  readonly sent: number[]
  wake(): void
}

/** Those who follow what language models write. A slow one gets what has gathered meanwhile in one piece. */
export class JobTexts {
  readonly #followers = new Map<string, Set<Follower>>()

  grown(job: ActiveJob, completion: number): void {
    for (const follower of this.#followers.get(job.id) ?? []) {
      // Another attempt writes anew: what was sent of the last one does not count.
      if ((job.texts[completion]?.length ?? 0) < (follower.sent[completion] ?? 0))
        follower.sent[completion] = 0
      follower.wake()
    }
  }

  ended(id: string): void {
    for (const follower of this.#followers.get(id) ?? []) follower.wake()
  }

  /** What there is and what follows, until the job ends. */
  async *follow(job: ActiveJob, signal: AbortSignal | undefined): AsyncGenerator<TextPiece> {
    let wake: () => void = () => undefined
    const follower: Follower = { sent: [], wake: () => wake() }
    const followers = this.#followers.get(job.id) ?? new Set()
    this.#followers.set(job.id, followers.add(follower))
    signal?.addEventListener('abort', follower.wake)
    try {
      while (!signal?.aborted) {
        const pieces = unsent(job, follower.sent)
        yield* pieces
        if (pieces.length > 0) continue
        if (job.status.finishedAt !== null) return
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    } finally {
      signal?.removeEventListener('abort', follower.wake)
      followers.delete(follower)
      if (followers.size === 0) this.#followers.delete(job.id)
    }
  }
}

function unsent({ texts }: ActiveJob, sent: number[]): TextPiece[] {
  const pieces: TextPiece[] = []
  texts.forEach((text, completion) => {
    const at = sent[completion] ?? 0
    if (text.length > at) pieces.push({ completion, at, text: text.slice(at) })
    sent[completion] = text.length
  })
  return pieces
}

/** The texts of a job that has ended, each in one piece. */
export function textsOf({ text = '', completions = [] }: JobResult): TextPiece[] {
  const texts = completions.length > 0 ? completions.map((completion) => completion.text) : [text]
  return texts.map((text, completion) => ({ completion, at: 0, text }))
}
