import { AppError } from '../../shared/errors'

/** Ids that would read as something else in a log, a URL or a policy. */
const RESERVED = new Set(['system', 'me', 'all', 'anonymous', 'unknown'])
const MAX_SLUG = 40

/** The form in which names are compared: `Marie` and `marie ` are one person. */
export function foldName(name: string): string {
  return name.normalize('NFKC').trim().replace(/\s+/g, ' ').toLowerCase()
}

/** @throws AppError `system.invalid` for control characters, which would forge lines in a log */
export function cleanName(name: string): string {
  const trimmed = name.trim()
  if (trimmed.length < 1 || trimmed.length > 80 || /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Surrogate}]/u.test(trimmed)) {
    throw new AppError(
      'system.invalid',
      'A name has 1 to 80 characters, without line breaks or invisible ones.',
      { field: 'name' },
    )
  }
  return trimmed
}

/** What is left of any text that may be shown on one line: no control characters, nothing without a UTF-8 form. */
export function oneLine(text: string, maxLength = 500): string {
  const clean = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Surrogate}]/gu, '\uFFFD')
  return clean.length <= maxLength ? clean : `${[...clean].slice(0, maxLength - 1).join('')}…`
}

/**
 * A readable id, since people write it in policies: `Notes App` -> `notes-app`, then `notes-app-2`. It stays as it is
 * when it is made, and is never given twice.
 * @param taken whether an id was ever given
 */
export function makePrincipalId(name: string, kind: 'user' | 'app', taken: (id: string) => boolean): string {
  const slug = name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/\p{M}/gu, '')
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, MAX_SLUG)
    .replace(/^-+|-+$/g, '')
  const base = slug === '' || RESERVED.has(slug) ? (slug === '' ? kind : `${slug}-${kind}`) : slug
  for (let number = 1; ; number++) {
    const id = number === 1 ? base : `${base}-${number}`
    if (!taken(id)) return id
  }
}
