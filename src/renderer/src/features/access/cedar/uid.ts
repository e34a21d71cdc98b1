/** An entity of the policies: `Model::"silero-vad"` is `{type: 'Model', id: 'silero-vad'}`. */
export interface Uid {
  type: string
  id: string
}

const ESCAPES: Record<string, string> = { n: '\n', r: '\r', t: '\t', '0': '\0' }

/** Text as a string literal of Cedar: quotes and backslashes escaped, what cannot be seen as `\u{...}`. */
export function quote(text: string): string {
  const escaped = text.replace(/["\\]|[\p{C}\p{Zl}\p{Zp}]/gu, (character) =>
    character === '"' || character === '\\'
      ? `\\${character}`
      : `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  )
  return `"${escaped}"`
}

/** The text that a string literal of Cedar means; null for what is none. */
export function unquote(literal: string): string | null {
  const body = /^"((?:[^"\\]|\\[\s\S])*)"$/.exec(literal)?.[1]
  if (body === undefined) return null
  let valid = true
  const text = body.replace(
    /\\(?:u\{([0-9a-fA-F]{1,6})\}|x([0-9a-fA-F]{2})|([\s\S]))/g,
    (_all, long?: string, short?: string, letter?: string) => {
      const code = long ?? short
      if (code === undefined) {
        if (letter === undefined || !/[nrt0"'\\*]/.test(letter)) valid = false
        return ESCAPES[letter ?? ''] ?? letter ?? ''
      }
      const point = Number.parseInt(code, 16)
      if (point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) {
        valid = false
        return ''
      }
      return String.fromCodePoint(point)
    },
  )
  return valid ? text : null
}

/** `Type::"id"`, as policies and audit records write it. */
export function formatUid(uid: Uid): string {
  return `${uid.type}::${quote(uid.id)}`
}

/** The inverse of {@link formatUid}; null for what is no entity. */
export function parseUid(text: string): Uid | null {
  const match = /^\s*([A-Za-z_]\w*)\s*::\s*("[\s\S]*")\s*$/.exec(text)
  const id = match ? unquote(match[2] ?? '') : null
  return id === null ? null : { type: match?.[1] ?? '', id }
}

/** How the policies name a principal: `App::"notes-app"`, `User::"marie"`. */
export function principalUid(principal: { kind: 'user' | 'app'; id: string }): Uid {
  return { type: principal.kind === 'app' ? 'App' : 'User', id: principal.id }
}
