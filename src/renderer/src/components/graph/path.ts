/** Everything that leads to a node or comes from it, with the node itself. Pure. */
export function pathThrough(id: string, edges: readonly { from: string; to: string }[]): Set<string> {
  const path = new Set([id])
  for (const forwards of [true, false]) {
    const open = [id]
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      for (const { from, to } of edges) {
        const [here, next] = forwards ? [from, to] : [to, from]
        if (here !== at || path.has(next)) continue
        path.add(next)
        open.push(next)
      }
    }
  }
  return path
}
