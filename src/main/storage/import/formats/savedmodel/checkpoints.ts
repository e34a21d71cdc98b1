import type { ProtoReader } from '../protobuf'

/** Operators that read or write checkpoints, and which of their inputs are paths. */
const PATHS: Record<string, readonly number[]> = {
  SaveV2: [0],
  RestoreV2: [0],
  MergeV2Checkpoints: [0, 1],
}

export function touchesCheckpoints(operators: ReadonlyMap<string, number>): boolean {
  return Object.keys(PATHS).some((operator) => operators.has(operator))
}

interface Node {
  operator: string
  inputs: string[]
}

/**
 * The first operator of checkpoints whose path is written into the graph; null when whoever saves or restores gives all of
 * them, as in every real model. What a function is given is not followed to who calls it. @param reader of a `MetaGraphDef`
 */
export function fixedPath(reader: ProtoReader): string | null {
  const graphs: Map<string, Node>[] = []
  let fed = ''
  while (reader.next()) {
    if (reader.field === 2) graphs.push(...readGraphs(reader.message()))
    else if (reader.field === 3) fed = readFed(reader.message())
  }
  for (const nodes of graphs) {
    for (const { operator, inputs } of nodes.values()) {
      const paths = PATHS[operator] ?? []
      if (paths.some((index) => !isGiven(inputs[index] ?? '', nodes, fed))) return operator
    }
  }
  return null
}

/** The graph itself and the functions of its library. */
function readGraphs(reader: ProtoReader): Map<string, Node>[] {
  const own = new Map<string, Node>()
  const graphs = [own]
  while (reader.next()) {
    if (reader.field === 1) readNode(reader.message(), own)
    if (reader.field !== 2) continue
    const library = reader.message()
    while (library.next()) {
      if (library.field !== 1) continue
      const nodes = new Map<string, Node>()
      const definition = library.message()
      while (definition.next()) if (definition.field === 3) readNode(definition.message(), nodes)
      graphs.push(nodes)
    }
  }
  return graphs
}

function readNode(reader: ProtoReader, into: Map<string, Node>): void {
  const node: Node = { operator: '', inputs: [] }
  let name = ''
  while (reader.next()) {
    if (reader.field === 1) name = reader.excerpt(1000)
    else if (reader.field === 2) node.operator = reader.excerpt(200)
    else if (reader.field === 3) node.inputs.push(nodeOf(reader.excerpt(1000)))
  }
  into.set(name, node)
}

/** The tensor that a saver feeds with the path, a constant before TensorFlow 1.9; `SaverDef`. */
function readFed(reader: ProtoReader): string {
  let fed = ''
  while (reader.next()) if (reader.field === 1) fed = nodeOf(reader.excerpt(1000))
  return fed
}

/** Whether a value comes, by whatever way, from who runs the graph or calls the function. */
function isGiven(name: string, nodes: ReadonlyMap<string, Node>, fed: string): boolean {
  const seen = new Set<string>()
  const left = [name]
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    if (seen.has(next)) continue
    seen.add(next)
    const node = nodes.get(next)
    if (!node || next === fed || node.operator.startsWith('Placeholder')) return true
    for (const input of node.inputs) if (!input.startsWith('^')) left.push(input)
  }
  return false
}

/** `node:output:0` or `node:0` -> `node`. */
function nodeOf(tensor: string): string {
  return tensor.replace(/:.*$/s, '')
}
