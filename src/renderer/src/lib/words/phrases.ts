/** No sentence of ours is longer. */
const LONGEST = 400

type Phrases = Readonly<Record<string, string>>

/**
 * A sentence in another language, by a table of sentences with `{{name}}` for what may stand there; what its text has as
 * `{{=name}}` is translated in its turn. The sentence itself where the table has none for it.
 */
export function phraseIn(phrases: Phrases, sentence: string): string {
  // Some come from models and plugins, and patterns with several gaps take long on what nearly fits.
  if (sentence.length > LONGEST) return sentence
  for (const { pattern, names, text } of compiled(phrases)) {
    const match = pattern.exec(sentence)
    if (!match) continue
    const parts = new Map(names.map((name, index) => [name, match[index + 1] ?? '']))
    return text.replace(/\{\{(=?)(\w+)\}\}/g, (_, inTurn: string, name: string) => {
      const part = parts.get(name) ?? ''
      return inTurn === '' ? part : phraseIn(phrases, part)
    })
  }
  return sentence
}

interface Phrase {
  pattern: RegExp
  names: string[]
  text: string
}

const known = new WeakMap<Phrases, Phrase[]>()

function compiled(phrases: Phrases): Phrase[] {
  const before = known.get(phrases)
  if (before) return before
  const list = Object.entries(phrases).map(([english, text]) => {
    const names = [...english.matchAll(/\{\{(\w+)\}\}/g)].map(([, name = '']) => name)
    const literal = english.split(/\{\{\w+\}\}/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    return { pattern: new RegExp(`^${literal.join('(.+?)')}$`, 's'), names, text }
  })
  known.set(phrases, list)
  return list
}
