import type { FileBytes } from '../file-bytes'

/** Reading of JSON that nobody has checked: a field that is not there or of another type is null. */
export type JsonObject = { readonly [key: string]: unknown }

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** An own field that is an object. */
export function objectAt(value: unknown, key: string): JsonObject | null {
  const found = at(value, key)
  return isObject(found) ? found : null
}

export function listAt(value: unknown, key: string): unknown[] | null {
  const found = at(value, key)
  return Array.isArray(found) ? found : null
}

export function textAt(value: unknown, key: string): string | null {
  const found = at(value, key)
  return typeof found === 'string' ? found : null
}

export function at(value: unknown, key: string): unknown {
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : null
}

/** The largest JSON that is read: weights lie elsewhere, and the largest real descriptions have a few megabytes. */
export const LARGEST_JSON = 32 * 1024 * 1024

/** The object that a file holds as JSON; null when it does not look like one, or has more bytes than `limit`. */
export function readJson(bytes: FileBytes, limit: number): JsonObject | 'damaged' | null {
  if (bytes.size > limit || !looksLikeJson(bytes)) return null
  const text = bytes
    .slice(0, bytes.size)
    .toString('utf8')
    .replace(/^\uFEFF/, '')
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : 'damaged'
  } catch {
    return 'damaged'
  }
}

function looksLikeJson(bytes: FileBytes): boolean {
  const head = bytes.slice(0, Math.min(bytes.size, 512)).toString('latin1')
  return /^(\xef\xbb\xbf)?\s*\{/.test(head)
}

/**
 * Where the text that begins at a quotation mark ends, by its own mark; -1 when it does not. No regular expression does
 * this for texts of many megabytes: its stack overflows.
 */
export function endOfText(json: string, begin: number): number {
  for (let end = json.indexOf('"', begin + 1); end >= 0; end = json.indexOf('"', end + 1)) {
    let slashes = 0
    while (json[end - 1 - slashes] === '\\') slashes++
    if (slashes % 2 === 0) return end
  }
  return -1
}
