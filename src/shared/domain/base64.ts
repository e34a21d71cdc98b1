const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const PAD = 61
const CODE_OF = new Uint8Array(64)
const VALUE_OF = new Uint8Array(256).fill(255)
for (let i = 0; i < 64; i++) {
  CODE_OF[i] = ALPHABET.charCodeAt(i)
  VALUE_OF[ALPHABET.charCodeAt(i)] = i
}

/** Standard base64 (RFC 4648 section 4) with padding. The same in Node and in a browser, and fast for megabytes. */
export function toBase64(bytes: Uint8Array): string {
  const codes = new Uint8Array(Math.ceil(bytes.length / 3) * 4)
  let out = 0
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i
    const bits = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0)
    codes[out] = CODE_OF[bits >> 18] ?? 0
    codes[out + 1] = CODE_OF[(bits >> 12) & 63] ?? 0
    codes[out + 2] = left > 1 ? (CODE_OF[(bits >> 6) & 63] ?? 0) : PAD
    codes[out + 3] = left > 2 ? (CODE_OF[bits & 63] ?? 0) : PAD
    out += 4
  }
  return new TextDecoder('latin1').decode(codes)
}

/** The inverse of {@link toBase64}; null for anything else: other characters, white space, missing padding. */
export function fromBase64(text: string): Uint8Array | null {
  if (text.length % 4 !== 0) return null
  if (text.length === 0) return new Uint8Array(0)
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  const bytes = new Uint8Array((text.length / 4) * 3 - padding)
  const whole = text.length - (padding ? 4 : 0)
  let out = 0
  let seen = 0
  for (let i = 0; i < whole; i += 4) {
    const a = valueAt(text, i)
    const b = valueAt(text, i + 1)
    const c = valueAt(text, i + 2)
    const d = valueAt(text, i + 3)
    seen |= a | b | c | d
    bytes[out] = (a << 2) | (b >> 4)
    bytes[out + 1] = (b << 4) | (c >> 2)
    bytes[out + 2] = (c << 6) | d
    out += 3
  }
  if (padding) {
    const a = valueAt(text, whole)
    const b = valueAt(text, whole + 1)
    const c = padding === 1 ? valueAt(text, whole + 2) : 0
    seen |= a | b | c
    bytes[out] = (a << 2) | (b >> 4)
    if (padding === 1) bytes[out + 1] = (b << 4) | (c >> 2)
  }
  // Values are below 64; only the mark of a foreign character has the upper bits.
  return seen > 63 ? null : bytes
}

function valueAt(text: string, index: number): number {
  const code = text.charCodeAt(index)
  return code < 256 ? (VALUE_OF[code] ?? 255) : 255
}
