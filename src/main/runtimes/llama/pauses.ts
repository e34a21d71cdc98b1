import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { LlamaContextSequence, Token } from 'node-llama-cpp'
import { z } from 'zod'
import { KEPT_INDEX } from '../protocol'

/** What was written so far, and how many tokens the saved state holds. */
const Kept = z.object({ tokens: z.array(z.number().int()), held: z.number().int() })
type Kept = z.infer<typeof Kept>

const stateFile = (folder: string) => join(folder, 'text.state')

/** What an earlier run has left; null: it begins anew, and writes the same. */
async function readKept(folder: string): Promise<Kept | null> {
  try {
    return Kept.parse(JSON.parse(await readFile(join(folder, KEPT_INDEX), 'utf8')))
  } catch {
    // Nothing was kept, or the machine stopped while it was written.
    return null
  }
}

/** Keeps where a text is: the state first, so that the index never speaks of what is not there. */
export async function keep(folder: string, { sequence, tokens }: PausableText): Promise<void> {
  if (tokens.length === 0) return
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const kept: Kept = { tokens: [...tokens], held: sequence.contextTokens.length }
  const file = stateFile(folder)
  await sequence.saveStateToFile(`${file}.new`)
  await rename(`${file}.new`, file)
  const index = join(folder, KEPT_INDEX)
  await writeFile(`${index}.new`, JSON.stringify(kept), { mode: 0o600 })
  await rename(`${index}.new`, index)
}

/** A text that can be left between two tokens and gone on with, the same as if it never had been. */
export interface PausableText {
  readonly sequence: LlamaContextSequence
  /** All that the model has chosen so far; empty when that does not tell how to go on. */
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
  let isStraight = true
  sequence.evaluate = async function* (input, options) {
    // Whoever reads begins anew with an input of its own: not what can be told by the tokens alone.
    if (position > 0) isStraight = false
    const known = folder !== undefined && position === 0 ? await restore(sequence, folder) : []
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
      return isStraight ? tokens : []
    },
  }
}

/** @returns what the sequence has been brought to; nothing when it is as it was, and the text begins anew */
async function restore(sequence: LlamaContextSequence, folder: string): Promise<readonly number[]> {
  const kept = await readKept(folder)
  if (!kept || kept.tokens.length === 0) return []
  const { tokens, held } = kept
  try {
    // The system's own file, of the same version.
    await sequence.loadStateFromFile(stateFile(folder), { acceptRisk: true })
    const last = sequence.contextTokens.at(-1)
    if (sequence.contextTokens.length === held && (tokens.length === 1 || last === tokens.at(-2)))
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
