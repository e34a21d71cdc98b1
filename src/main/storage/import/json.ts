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
