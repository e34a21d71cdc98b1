import type { z } from 'zod'

/** What a schema with `.brand<Name>()` gives. */
type Branded<Name extends string> = string & z.$brand<Name>

export type DeviceId = Branded<'DeviceId'>
export type LeaseId = Branded<'LeaseId'>
export type JobId = Branded<'JobId'>
export type PipelineId = Branded<'PipelineId'>
export type ImportId = Branded<'ImportId'>
export type PrincipalId = Branded<'PrincipalId'>
export type KeyId = Branded<'KeyId'>
export type AuditId = Branded<'AuditId'>
export type EngineId = Branded<'EngineId'>
/** Lower-case hexadecimal SHA-256, 64 characters. */
export type Digest = Branded<'Digest'>

const CROCKFORD = '0123456789abcdefghjkmnpqrstvwxyz'

function encode(value: number, length: number): string {
  let text = ''
  let rest = value
  for (let i = 0; i < length; i++) {
    text = CROCKFORD.charAt(rest % 32) + text
    rest = Math.floor(rest / 32)
  }
  return text
}

/**
 * A new id: `prefix-` + 9 characters of time + 8 of chance, Crockford base 32, so ids sort by their time of making.
 * @param random 5 or more random bytes
 */
export function makeId<Id extends string>(prefix: string, nowMs: number, random: Uint8Array): Id {
  let chance = 0
  for (let i = 0; i < 5; i++) chance = chance * 256 + (random[i] ?? 0)
  return `${prefix}-${encode(nowMs, 9)}${encode(chance, 8)}` as Id
}

/** The last characters of an id: enough for a person to tell two rows apart. */
export function shortId(id: string): string {
  return id.length <= 8 ? id : `${id.slice(0, id.indexOf('-') + 1)}${id.slice(-5)}`
}
