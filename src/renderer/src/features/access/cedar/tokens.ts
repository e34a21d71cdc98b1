export type TokenKind = 'comment' | 'string' | 'keyword' | 'type' | 'word' | 'number' | 'space' | 'sign'

/** A piece of a policy's text; the pieces put together again are the text. */
export interface Token {
  kind: TokenKind
  text: string
}

const KEYWORDS = new Set(
  'permit forbid when unless principal action resource context in has like is if then else true false'.split(
    ' ',
  ),
)
// An open string or an unknown character ends nowhere else, so that text being typed can be coloured as well.
const TOKEN =
  /(\/\/[^\n]*)|("(?:[^"\\]|\\[\s\S])*(?:"|$))|([A-Za-z_]\w*)|(\d+)|(\s+)|(::|==|!=|<=|>=|&&|\|\||[\s\S])/gu

/** Cuts the text of a policy into tokens; works for any text. */
export function tokensOf(text: string): Token[] {
  const tokens: Token[] = []
  for (const match of text.matchAll(TOKEN)) {
    const [all, comment, string, word, number, space] = match
    if (comment !== undefined) tokens.push({ kind: 'comment', text: all })
    else if (string !== undefined) tokens.push({ kind: 'string', text: all })
    else if (number !== undefined) tokens.push({ kind: 'number', text: all })
    else if (space !== undefined) tokens.push({ kind: 'space', text: all })
    else if (word === undefined) tokens.push({ kind: 'sign', text: all })
    else tokens.push({ kind: wordKind(text, match.index + all.length, word), text: all })
  }
  return tokens
}

function wordKind(text: string, end: number, word: string): TokenKind {
  if (text.startsWith('::', end)) return 'type'
  return KEYWORDS.has(word) ? 'keyword' : 'word'
}

/** Where a line and column, both from 1, lie in a text; clamped to the text. */
export function offsetOf(text: string, line: number, column: number): number {
  const lines = text.split('\n')
  const row = Math.max(0, Math.min(lines.length - 1, line - 1))
  const before = lines.slice(0, row).reduce((sum, { length }) => sum + length + 1, 0)
  return before + Math.max(0, Math.min((lines[row] ?? '').length, column - 1))
}
