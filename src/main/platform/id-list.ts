/** A range of the kernel's names no more than there can be; a file that says more is not believed. */
const MOST_IN_RANGE = 8192

/** Numbers of CPUs or NUMA nodes as the kernel lists them: `0-2,8` -> 0, 1, 2, 8. What is none is left out. */
export function parseIdList(text: string): number[] {
  return text
    .trim()
    .split(',')
    .flatMap((range) => {
      const [, first, last] = /^(\d+)(?:-(\d+))?$/.exec(range) ?? []
      if (first === undefined) return []
      const from = Number(first)
      const count = Math.max(0, Number(last ?? first) - from + 1)
      return Array.from({ length: Math.min(MOST_IN_RANGE, count) }, (_, i) => from + i)
    })
}
