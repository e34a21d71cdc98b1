import type { LineageGraph } from '@shared/contract'
import { parseModelReference } from '@shared/domain/references'
import { pathTo } from '../../lib/router'

/** A version that was made from another one, and the job that made it. */
export interface Offspring {
  kind: 'model' | 'dataset'
  /** `name@version`. */
  reference: string
  job: string | null
}

/** What was made from `name@version` of a data set, straight or by a job. */
export function offspringOf(graph: LineageGraph, reference: string): Offspring[] {
  const nodes = new Map(graph.nodes.map((node) => [node.id, node]))
  const after = (id: string) =>
    graph.edges.flatMap((edge) => (edge.from === id ? (nodes.get(edge.to) ?? []) : []))
  const made = (node: LineageGraph['nodes'][number], job: string | null): Offspring[] =>
    node.kind === 'model' || node.kind === 'dataset' ? [{ kind: node.kind, reference: node.label, job }] : []
  return after(`dataset:${reference}`).flatMap((node) =>
    node.kind === 'job' ? after(node.id).flatMap((result) => made(result, node.label)) : made(node, null),
  )
}

/** Where a version is shown. */
export function pathOfVersion(kind: 'model' | 'dataset', reference: string): string {
  const parsed = parseModelReference(reference)
  const page = kind === 'model' ? 'models' : 'data'
  if (!parsed) return pathTo(page)
  return 'version' in parsed ? pathTo(page, parsed.name, parsed.version) : pathTo(page, parsed.name)
}
