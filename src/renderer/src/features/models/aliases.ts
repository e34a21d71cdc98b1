import type { Alias, AliasChange } from '@shared/contract'

/** Offered first: the name that apps call. */
export const USUAL_ALIASES = ['production', 'canary', 'baseline'] as const

/** The colour that an alias means; the word beside it says the same. */
export function aliasColour(alias: string | undefined): string {
  if (alias === undefined) return 'var(--app-queued)'
  if (alias === 'production') return 'var(--app-succeeded)'
  if (alias === 'canary') return 'var(--app-waiting)'
  return 'var(--app-running)'
}

/** Aliases in the order a person looks for them: production first, then by name. */
export function sortAliases(aliases: readonly string[]): string[] {
  return [...aliases].sort(
    (a, b) => Number(b === 'production') - Number(a === 'production') || a.localeCompare(b),
  )
}

/** What may be typed for an alias, in the order it is offered: `production`, the usual ones, those in use. */
export function aliasChoices(existing: readonly Alias[]): string[] {
  return [...new Set<string>([...USUAL_ALIASES, ...existing.map(({ alias }) => alias)])]
}

/** How one click takes back a change: to a version, or (null) to no alias. */
export interface StepBack {
  alias: string
  to: number | null
}

/** Whether the alias stayed where it was: a canary was started, stopped or rolled back. */
function stays({ from, to }: AliasChange): boolean {
  return from !== null && from === to
}

/** What a change was: a key under `models.history`. */
export function kindOfChange(
  change: AliasChange,
): 'made' | 'moved' | 'removed' | 'started' | 'stopped' | 'rolledBack' {
  const { from, to, canary } = change
  if (canary?.event === 'started' || canary?.event === 'stopped') return canary.event
  if (stays(change)) return 'rolledBack'
  if (from === null) return 'made'
  return to === null ? 'removed' : 'moved'
}

/**
 * The history as the system gives it, newest first whatever the clock said, with a step back at the newest move of each alias: it undoes that move as long as the
 * version is still there.
 */
export function historyWithSteps(
  history: readonly AliasChange[],
  versions: readonly number[],
): { change: AliasChange; back: StepBack | null }[] {
  const seen = new Set<string>()
  return history.map((change) => {
    if (stays(change)) return { change, back: null }
    const newest = !seen.has(change.alias)
    seen.add(change.alias)
    const possible = newest && (change.from === null ? change.to !== null : versions.includes(change.from))
    return { change, back: possible ? { alias: change.alias, to: change.from } : null }
  })
}

/** An alias as a version carries it: all of its traffic, or as a canary a share of it. */
export interface Carried {
  alias: string
  /** 0 to 1; null for the version that the alias points to. */
  canaryWeight: number | null
}

/** What points to a version, production first. */
export function carriedBy(version: number, aliases: readonly Alias[]): Carried[] {
  const found = aliases.flatMap(({ alias, version: stable, canary }): Carried[] => {
    if (stable === version) return [{ alias, canaryWeight: null }]
    return canary?.version === version ? [{ alias, canaryWeight: canary.weight }] : []
  })
  const order = sortAliases(found.map(({ alias }) => alias))
  return found.sort((a, b) => order.indexOf(a.alias) - order.indexOf(b.alias))
}
