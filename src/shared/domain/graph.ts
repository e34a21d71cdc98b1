/** A node of a directed graph without cycles, by the keys of those it comes after. */
export interface GraphNode {
  key: string
  dependsOn: readonly string[]
}

/**
 * The nodes in an order in which each follows all that it depends on, else in the order given (Kahn 1962); or the keys of
 * one cycle, each depending on the next. Dependencies on keys that are not among the nodes are ignored.
 */
export function topologicalOrder<Node extends GraphNode>(
  nodes: readonly Node[],
): { order: Node[] } | { cycle: string[] } {
  const known = new Map(nodes.map((node) => [node.key, node]))
  const dependents = dependentsByKey(nodes)
  const left = new Map<string, number>(nodes.map(({ key }) => [key, 0]))
  for (const { key } of nodes)
    for (const dependent of dependents.get(key) ?? [])
      left.set(dependent.key, (left.get(dependent.key) ?? 0) + 1)
  const order = nodes.filter(({ key }) => left.get(key) === 0)
  for (const { key } of order) {
    for (const dependent of dependents.get(key) ?? []) {
      const count = (left.get(dependent.key) ?? 0) - 1
      left.set(dependent.key, count)
      if (count === 0) order.push(dependent)
    }
  }
  return order.length === nodes.length ? { order } : { cycle: cycleAmong(known, left) }
}

/** The nodes that depend on a key, each once. */
function dependentsByKey<Node extends GraphNode>(nodes: readonly Node[]): Map<string, Node[]> {
  const dependents = new Map<string, Node[]>()
  for (const node of nodes) {
    for (const key of new Set(node.dependsOn)) {
      const others = dependents.get(key)
      if (others) others.push(node)
      else dependents.set(key, [node])
    }
  }
  return dependents
}

/** Every node that is left depends on another that is left, so that walking on must come back to one. */
function cycleAmong(known: ReadonlyMap<string, GraphNode>, left: ReadonlyMap<string, number>): string[] {
  const isLeft = (key: string) => (left.get(key) ?? 0) > 0
  const path: string[] = []
  let at = [...left.keys()].find(isLeft)
  while (at !== undefined && !path.includes(at)) {
    path.push(at)
    at = known.get(at)?.dependsOn.find(isLeft)
  }
  return at === undefined ? path : path.slice(path.indexOf(at))
}

/**
 * The longest way from each node to the end of the graph, its own length included: the upward rank of a graph without
 * transfers (Topcuoglu et al. 2002). @param order as {@link topologicalOrder} gives it
 */
export function upwardRanks(
  order: readonly GraphNode[],
  lengthOf: (key: string) => number,
): Map<string, number> {
  const ranks = new Map<string, number>()
  const after = new Map<string, number>()
  for (const { key, dependsOn } of [...order].reverse()) {
    const rank = lengthOf(key) + (after.get(key) ?? 0)
    ranks.set(key, rank)
    for (const dependency of dependsOn) after.set(dependency, Math.max(after.get(dependency) ?? 0, rank))
  }
  return ranks
}

/** The keys of a longest way through the graph, from its beginning. @param order as {@link topologicalOrder} gives it */
export function criticalPath(
  order: readonly GraphNode[],
  lengthOf: (key: string) => number,
): { keys: string[]; length: number } {
  const ranks = upwardRanks(order, lengthOf)
  const dependents = dependentsByKey(order)
  const rankOf = (node: GraphNode) => ranks.get(node.key) ?? 0
  const longest = (nodes: readonly GraphNode[]) =>
    nodes.reduce<GraphNode | null>((best, node) => (best && rankOf(best) >= rankOf(node) ? best : node), null)
  const keys: string[] = []
  const known = new Set(order.map(({ key }) => key))
  let at = longest(order.filter(({ dependsOn }) => !dependsOn.some((key) => known.has(key))))
  const length = at ? rankOf(at) : 0
  while (at) {
    const { key } = at
    keys.push(key)
    at = longest(dependents.get(key) ?? [])
  }
  return { keys, length }
}
