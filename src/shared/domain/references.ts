import { z } from 'zod'

/** Model names: what a person types and a URL carries without escaping. */
export const ModelName = z
  .string()
  .regex(
    /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/,
    'use 1-64 of a-z, 0-9, dot, dash and underscore, beginning and ending with a letter or digit',
  )
export const AliasName = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,31}$/, 'use 1-32 of a-z, 0-9 and dash, beginning with a letter')
export const VersionNumber = z.coerce.number().int().positive()
/** A number that somebody chooses: a date fits, and below the largest that a reference can name there is room to count on. */
export const NewVersionNumber = z.number().int().min(1).max(99_999_999)

/** `name@3` or `name@production`. */
export const ModelReference = z
  .string()
  .max(100)
  .refine((text) => parseModelReference(text) !== null, {
    message: 'write NAME@VERSION or NAME@ALIAS, for example silero-vad@1 or silero-vad@production',
  })

/** `name@3` or `name@latest`. */
export const DatasetReference = z
  .string()
  .max(100)
  .refine((text) => parseModelReference(text) !== null, {
    message: 'write NAME@VERSION, for example digits@1, or NAME@latest',
  })

export type ParsedReference = { name: string; version: number } | { name: string; alias: string }

/** Parses `name@version` or `name@alias`; null when the text is neither. */
export function parseModelReference(text: string): ParsedReference | null {
  const at = text.indexOf('@')
  if (at < 1) return null
  const name = text.slice(0, at)
  const selector = text.slice(at + 1)
  if (!ModelName.safeParse(name).success) return null
  if (/^[1-9]\d{0,8}$/.test(selector)) return { name, version: Number(selector) }
  return AliasName.safeParse(selector).success ? { name, alias: selector } : null
}
