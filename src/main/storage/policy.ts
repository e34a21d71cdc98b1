import type { VersionPolicy } from '../../shared/contract'

/** Every version is kept, none stays warm. */
export const KEEP_ALL: VersionPolicy = { keep: 'all', count: 3, warm: false }

export interface PolicyVersion {
  version: number
  aliases: readonly string[]
  tags: readonly string[]
}

/** The versions that a policy keeps, of all there are. What an alias needs is always kept. Pure. */
export function keptVersions(policy: VersionPolicy, versions: readonly PolicyVersion[]): Set<number> {
  const newest = [...versions].sort((a, b) => b.version - a.version).slice(0, policy.count)
  return new Set(
    versions
      .filter(
        (candidate) =>
          policy.keep === 'all' ||
          candidate.aliases.length > 0 ||
          (policy.keep === 'latest' ? newest.includes(candidate) : candidate.tags.includes('pinned')),
      )
      .map(({ version }) => version),
  )
}
