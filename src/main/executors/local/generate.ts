import { ProtocolError } from '../../runtimes/frames'
import type { RunHooks, RunOutcome, RunRequest } from '.'
import { expectReply } from './answers'
import type { Connection } from './connection'

/** More than any model writes in the tokens it may have; a worker that sends more is not believed. */
const LONGEST_TEXT = 4 * 1024 * 1024
/** One for each token is usual; some are held back and come in two, or with the end. */
const PIECES_PER_TOKEN = 2
const MORE_PIECES = 16

/** Has a language model write, and hands on each piece as it comes. @throws ProtocolError, and as `expectReply` */
export async function runGenerate(
  connection: Connection,
  { prompt, sampling, keepIn }: Extract<RunRequest, { kind: 'generate' }>,
  hooks: RunHooks,
): Promise<RunOutcome> {
  const texts = new Array<string>(sampling.completions).fill('')
  const mostPieces = sampling.completions * (sampling.maxTokens * PIECES_PER_TOKEN + MORE_PIECES)
  let pieces = 0
  const body = new TextEncoder().encode(JSON.stringify(prompt))
  const answer = await connection.request(
    { type: 'generate', ...sampling, ...(keepIn === undefined ? {} : { keepIn }) },
    body,
    {
      text(completion, text) {
        const before = texts[completion]
        if (before === undefined || before.length + text.length > LONGEST_TEXT || ++pieces > mostPieces)
          throw new ProtocolError('A text that was not asked for.')
        texts[completion] = before + text
        hooks.onText?.(completion, text)
      },
    },
  )
  const { computeMs, promptTokens, completions } = expectReply(answer, 'generated')
  if (completions.length !== texts.length) throw new ProtocolError('Another number of texts than asked for.')
  hooks.signal.throwIfAborted()
  return {
    kind: 'generate',
    computeMs,
    promptTokens,
    completions: completions.map((completion, i) => ({ ...completion, text: texts[i] ?? '' })),
  }
}
