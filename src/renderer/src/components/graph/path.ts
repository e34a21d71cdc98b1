import { type Link, neighbours } from './links'

/** Everything that leads to a node or comes from it, with the node itself. Pure. */
export function pathThrough(id: string, edges: readonly Link[]): Set<string> {
  const path = new Set([id])
  for (const backwards of [false, true]) {
    const next = neighbours(edges, backwards)
    const open = [id]
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      for (const other of next.get(at) ?? []) {
        if (path.has(other)) continue
        path.add(other)
        open.push(other)
      }
    }
  }
  return path
}
