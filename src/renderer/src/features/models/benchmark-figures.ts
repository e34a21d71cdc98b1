import type { VersionBenchmark } from '@shared/contract'

/** What figures must have in common to be compared. */
export interface Setup {
  device: string
  threads: number
}

export function sameSetup(a: Setup, b: Setup): boolean {
  return a.device === b.device && a.threads === b.threads
}

/** Each device and number of threads that was measured, the one with the most versions first. Pure. */
export function setupsOf(benchmarks: readonly VersionBenchmark[]): Setup[] {
  const found: { setup: Setup; versions: Set<number> }[] = []
  for (const { device, threads, version } of benchmarks) {
    let entry = found.find(({ setup }) => sameSetup(setup, { device, threads }))
    if (!entry) {
      entry = { setup: { device, threads }, versions: new Set() }
      found.push(entry)
    }
    entry.versions.add(version)
  }
  return found.sort((a, b) => b.versions.size - a.versions.size).map(({ setup }) => setup)
}

/** The newest benchmark of each version in one setup, versions ascending. @param benchmarks newest first */
export function newestByVersion(benchmarks: readonly VersionBenchmark[], setup: Setup): VersionBenchmark[] {
  const newest = new Map<number, VersionBenchmark>()
  for (const benchmark of benchmarks) {
    if (sameSetup(benchmark, setup) && !newest.has(benchmark.version)) {
      newest.set(benchmark.version, benchmark)
    }
  }
  return [...newest.values()].sort((a, b) => a.version - b.version)
}
