import type { Caller } from './index'

/** Whose share a limit counts: one principal with one key over one transport, so that a program does not lock out the person whose key it has. */
export function holderOf({ principal, key, via }: Pick<Caller, 'principal' | 'key' | 'via'>): string {
  return JSON.stringify([principal, key, via])
}
