export interface Link {
  from: string
  to: string
}

/** Where the edges lead from each node that has any; backwards: where they come from. Pure. */
export function neighbours(edges: readonly Link[], backwards = false): Map<string, string[]> {
  const byNode = new Map<string, string[]>()
  for (const { from, to } of edges) {
    const [here, there] = backwards ? [to, from] : [from, to]
    const known = byNode.get(here)
    if (known) known.push(there)
    else byNode.set(here, [there])
  }
  return byNode
}
