/** What a policy looks at of a version. */
export interface PolicyVersion {
  version: number
  /** Aliases that point to it, or send a part of their traffic to it. */
  aliases: readonly string[]
  tags: readonly string[]
}

/** The versions that a policy keeps, of all there are. What an alias needs is always kept. Pure. */
export function keptVersions(
  policy: { keep: 'all' | 'latest' | 'pinned'; count: number },
  versions: readonly PolicyVersion[],
): Set<number> {
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
