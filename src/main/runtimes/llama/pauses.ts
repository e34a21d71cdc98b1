import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { LlamaContextSequence, Token } from 'node-llama-cpp'
import { z } from 'zod'
import { KEPT_INDEX, UNFINISHED } from '../protocol'
import { Lockstep } from './lockstep'

/** Of each text what was written so far, and of one that goes on in which file its state lies and how many tokens that holds. */
const KeptText = z.object({
  tokens: z.array(z.number().int()),
  state: z.object({ file: z.string().regex(/^\d+-\d+\.state$/), held: z.number().int() }).nullable(),
})
type KeptText = z.infer<typeof KeptText>
const Kept = z.object({ texts: z.array(KeptText) })

/** What an earlier run has left of so many texts; null: they begin anew, and will be the same. */
async function readKept(folder: string, count: number): Promise<KeptText[] | null> {
  try {
    const { texts } = Kept.parse(JSON.parse(await readFile(join(folder, KEPT_INDEX), 'utf8')))
    return texts.length === count ? texts : null
  } catch {
    // Nothing was kept, or the machine stopped while it was written.
    return null
  }
}

/** One of the texts. */
interface Text {
  readonly sequence: LlamaContextSequence
  /** All that the model has chosen so far. */
  readonly tokens: Token[]
  /** So many tokens are given again; the state is that of the last of them already. */
  given: number
  hasBegun: boolean
  /** Whether the tokens tell how to go on: the reader has not begun anew with an input of its own. */
  isStraight: boolean
  /** It has all its tokens. */
  isOver: boolean
}

/**
 * Texts that are written together, can be left between two tokens and gone on with, the same as if they never had been. Each
 * is a function of prompt, seed and position: a token is drawn with a seed of its own, so that no random state has to be
 * kept, and computed in the company of all that have not ended. What was kept is given again without computing it; then the
 * saved states take over, bit for bit. (Evaluating the prompt and the tokens at once would round differently.)
 */
export class PausableTexts {
  readonly #texts: Text[]
  readonly #lockstep: Lockstep
  readonly #folder: string | undefined
  #restored: Promise<readonly (KeptText | null)[]> | null = null

  /** @param seed of the first; each next one has the number after */
  constructor(
    sequences: readonly LlamaContextSequence[],
    seed: number,
    folder: string | undefined,
    signal: AbortSignal,
  ) {
    this.#folder = folder
    this.#lockstep = new Lockstep(sequences.length)
    this.#texts = sequences.map((sequence) => ({
      sequence,
      tokens: [],
      given: 0,
      hasBegun: false,
      isStraight: true,
      isOver: false,
    }))
    for (const [number, text] of this.#texts.entries()) this.#rule(text, number, (seed + number) % 2 ** 32)
    signal.addEventListener('abort', () => this.#lockstep.close(), { once: true })
    if (signal.aborted) this.#lockstep.close()
  }

  /** Has one of them written. @param write reads its sequence to the end @returns null when it was stopped before */
  async run<Value>(
    number: number,
    write: (sequence: LlamaContextSequence) => Promise<Value>,
  ): Promise<Value | null> {
    const text = this.#texts[number]
    if (!text) throw new Error(`There is no text ${number}.`)
    try {
      const value = await write(text.sequence)
      if (this.#lockstep.isClosed) return null
      text.isOver = true
      return value
    } catch (error) {
      // A reader to whom nothing more is given throws, for want of room as it thinks.
      if (this.#lockstep.isClosed) return null
      throw error
    } finally {
      this.#lockstep.leave(number)
    }
  }

  /**
   * Keeps where they are. Each state has a file of its own, and the index says which count: whenever the program ends, it
   * speaks of states that are there and are its own.
   */
  async keep(folder: string): Promise<void> {
    // What was kept before tells more, or nothing tells how to go on.
    const isWhole = ({ tokens, given, isStraight, isOver }: Text) =>
      isStraight && tokens.length >= given && (isOver || tokens.length > 0)
    if (!this.#texts.every(isWhole)) return
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const texts: KeptText[] = []
    for (const [number, { sequence, tokens, isOver }] of this.#texts.entries()) {
      const file = `${number}-${tokens.length}.state`
      const state = isOver ? null : { file, held: sequence.contextTokens.length }
      if (state) {
        await sequence.saveStateToFile(join(folder, file + UNFINISHED))
        await rename(join(folder, file + UNFINISHED), join(folder, file))
      }
      texts.push({ tokens: [...tokens], state })
    }
    const index = join(folder, KEPT_INDEX)
    await writeFile(index + UNFINISHED, JSON.stringify({ texts }), { mode: 0o600 })
    await rename(index + UNFINISHED, index)
    const files = new Set([KEPT_INDEX, ...texts.map(({ state }) => state?.file)])
    for (const name of await readdir(folder))
      if (!files.has(name)) await rm(join(folder, name), { force: true })
  }

  /** Makes what is read of the sequence follow from prompt, seed and position. */
  #rule(text: Text, number: number, seed: number): void {
    const { sequence, tokens } = text
    const evaluate = sequence.evaluate.bind(sequence)
    const lockstep = this.#lockstep
    const restored = () => this.#restore()
    sequence.evaluate = async function* (input, options) {
      let known: KeptText | null = null
      if (text.hasBegun) text.isStraight = false
      else {
        text.hasBegun = true
        if (!(await lockstep.next(number))) return
        known = (await restored())[number] ?? null
        text.given = known?.tokens.length ?? 0
      }
      for (let next = input; ; ) {
        let token = known?.tokens[tokens.length] as Token | undefined
        if (token === undefined) {
          if (known && !known.state) return
          if (!(await lockstep.next(number))) return
          token = await firstOf(evaluate(next, { ...options, seed: seedAt(seed, tokens.length) }))
        }
        if (token === undefined) {
          text.isOver = true
          return
        }
        tokens.push(token)
        const instead = yield token
        if (instead !== undefined) text.isStraight = false
        next = Array.isArray(instead) ? instead : [instead ?? token]
      }
    }
  }

  /** Once, when all have come to their beginning: either all go on where they were, or all begin anew. */
  #restore(): Promise<readonly (KeptText | null)[]> {
    this.#restored ??= restoreAll(
      this.#texts.map(({ sequence }) => sequence),
      this.#folder,
    )
    return this.#restored
  }
}

/** @returns what the sequences have been brought to; nothing when they are as they were, and the texts begin anew */
async function restoreAll(
  sequences: readonly LlamaContextSequence[],
  folder: string | undefined,
): Promise<readonly (KeptText | null)[]> {
  const kept = folder === undefined ? null : await readKept(folder, sequences.length)
  if (!kept || folder === undefined) return []
  // Those that go on stand at the same token.
  const lengths = new Set(kept.flatMap(({ tokens, state }) => (state ? [tokens.length] : [])))
  let isWhole = lengths.size <= 1
  for (const [number, sequence] of sequences.entries())
    isWhole = isWhole && (await restore(sequence, folder, kept[number]))
  if (isWhole) return kept
  for (const sequence of sequences) await sequence.clearHistory()
  return []
}

async function restore(
  sequence: LlamaContextSequence,
  folder: string,
  kept: KeptText | undefined,
): Promise<boolean> {
  if (!kept?.state) return kept !== undefined
  try {
    // The system's own file, of the same version.
    await sequence.loadStateFromFile(join(folder, kept.state.file), { acceptRisk: true })
  } catch {
    // It is gone or damaged: the texts are written anew, which gives the same.
    return false
  }
  // The last token is chosen, and not in the state yet.
  const written = kept.tokens.slice(0, -1)
  const context = sequence.contextTokens
  const begins = context.length - written.length
  return (
    context.length === kept.state.held && written.every((token, index) => token === context[begins + index])
  )
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
