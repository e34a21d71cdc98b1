import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { LlamaContextSequence, Token } from 'node-llama-cpp'
import { z } from 'zod'
import { KEPT_INDEX } from '../protocol'

/** What was written so far, in which file the state lies, and how many tokens it holds. */
const Kept = z.object({
  tokens: z.array(z.number().int()),
  state: z.string().regex(/^\d+\.state$/),
  held: z.number().int(),
})
type Kept = z.infer<typeof Kept>

/** What an earlier run has left; null: it begins anew, and writes the same. */
async function readKept(folder: string): Promise<Kept | null> {
  try {
    return Kept.parse(JSON.parse(await readFile(join(folder, KEPT_INDEX), 'utf8')))
  } catch {
    // Nothing was kept, or the machine stopped while it was written.
    return null
  }
}

/**
 * Keeps where a text is. Each state has a file of its own, and the index says which one counts: whenever the program ends,
 * it speaks of a state that is there and is its own.
 */
export async function keep(folder: string, { sequence, tokens }: PausableText): Promise<void> {
  if (tokens.length === 0) return
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const state = `${tokens.length}.state`
  const kept: Kept = { tokens: [...tokens], state, held: sequence.contextTokens.length }
  const file = join(folder, state)
  await sequence.saveStateToFile(`${file}.new`)
  await rename(`${file}.new`, file)
  const index = join(folder, KEPT_INDEX)
  await writeFile(`${index}.new`, JSON.stringify(kept), { mode: 0o600 })
  await rename(`${index}.new`, index)
  for (const name of await readdir(folder))
    if (name !== state && name !== KEPT_INDEX) await rm(join(folder, name), { force: true })
}

/** A text that can be left between two tokens and gone on with, the same as if it never had been. */
export interface PausableText {
  readonly sequence: LlamaContextSequence
  /** All that the model has chosen so far; empty when that does not tell how to go on, or what was kept before does. */
  readonly tokens: readonly Token[]
}

/**
 * Makes what is written in the sequence a function of prompt, seed and position alone: each token is drawn with a seed of
 * its own, so that no random state has to be kept. What was kept is given again without computing it; then the saved
 * state takes over, bit for bit. (Evaluating the prompt and the tokens at once would round differently.)
 */
export function pausable(
  sequence: LlamaContextSequence,
  seed: number,
  folder: string | undefined,
): PausableText {
  const evaluate = sequence.evaluate.bind(sequence)
  const tokens: Token[] = []
  let position = 0
  /** So many tokens are given again; the state is that of the last of them already. */
  let given = 0
  let isStraight = true
  sequence.evaluate = async function* (input, options) {
    // Whoever reads begins anew with an input of its own: not what can be told by the tokens alone.
    if (position > 0) isStraight = false
    const known = folder !== undefined && position === 0 ? await restore(sequence, folder) : []
    given = Math.max(given, known.length)
    for (let next = input; ; ) {
      const token =
        (known[position] as Token | undefined) ??
        (await firstOf(evaluate(next, { ...options, seed: seedAt(seed, position) })))
      if (token === undefined) return
      position++
      tokens.push(token)
      const instead = yield token
      if (instead !== undefined) isStraight = false
      next = Array.isArray(instead) ? instead : [instead ?? token]
    }
  }
  return {
    sequence,
    get tokens() {
      return isStraight && position >= given ? tokens : []
    },
  }
}

/** @returns what the sequence has been brought to; nothing when it is as it was, and the text begins anew */
async function restore(sequence: LlamaContextSequence, folder: string): Promise<readonly number[]> {
  const kept = await readKept(folder)
  if (!kept || kept.tokens.length === 0) return []
  const { tokens, state, held } = kept
  try {
    // The system's own file, of the same version.
    await sequence.loadStateFromFile(join(folder, state), { acceptRisk: true })
    // The last token is chosen, and not in the state yet.
    const written = tokens.slice(0, -1)
    const context = sequence.contextTokens
    const begins = context.length - written.length
    if (context.length === held && written.every((token, index) => token === context[begins + index]))
      return tokens
  } catch {
    // It is gone or damaged: the text is written anew, which gives the same.
  }
  await sequence.clearHistory()
  return []
}

async function firstOf(tokens: AsyncIterable<Token>): Promise<Token | undefined> {
  for await (const token of tokens) return token
  return undefined
}

/** Scatters neighbouring seeds and positions over all 32 bits (the finaliser of MurmurHash3). */
function seedAt(seed: number, position: number): number {
  let hash = (seed + Math.imul(position, 0x9e3779b9)) >>> 0
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
