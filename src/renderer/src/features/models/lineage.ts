import type { Job, LineageGraph, ModelSummary } from '@shared/contract'
import type { GraphNode, StateName } from '../../components'
import { pathTo } from '../../lib/router'
import { FORMAT_NAMES } from './about'
import { sortAliases } from './aliases'

type LineageNode = LineageGraph['nodes'][number]

/** What the window knows of the things that a lineage names. */
export interface KnownThings {
  models: ReadonlyMap<string, ModelSummary>
  jobs: ReadonlyMap<string, Job>
  /** What a kind is called. */
  kindName: (kind: LineageNode['kind']) => string
  jobState: (job: Job) => StateName
}

/** `name@3` in its parts; null for any other text. */
function versionOf(label: string): { name: string; version: string } | null {
  const at = label.lastIndexOf('@')
  const version = label.slice(at + 1)
  return at > 0 && /^\d+$/.test(version) ? { name: label.slice(0, at), version } : null
}

/** Where a node of a lineage leads; undefined for what has no page. */
export function pathOf({ kind, label }: LineageNode): string | undefined {
  if (kind === 'job') return pathTo('jobs', label)
  const found = versionOf(label)
  if (kind === 'source' || !found) return undefined
  const { name, version } = found
  return kind === 'model'
    ? pathTo('models', name, version)
    : `/data/${encodeURIComponent(name)}/${encodeURIComponent(version)}`
}

/** A lineage as the graph shows it: models with their aliases, jobs with their state. Pure. */
export function lineageNodes(graph: LineageGraph, known: KnownThings): GraphNode[] {
  return graph.nodes.map((node) => {
    const to = pathOf(node)
    const base = { id: node.id, label: node.label, ...(to === undefined ? {} : { to }) }
    const kind = known.kindName(node.kind)
    if (node.kind === 'job') {
      const job = known.jobs.get(node.label)
      if (!job) return { ...base, second: kind }
      return { ...base, label: job.name, second: kind, state: known.jobState(job) }
    }
    const version = node.kind === 'model' ? versionOf(node.label) : null
    const model = version ? known.models.get(version.name) : undefined
    if (!version || !model) return { ...base, second: kind }
    const aliases = model.aliases.flatMap((alias) =>
      alias.version === Number(version.version) ? [alias.alias] : [],
    )
    return { ...base, second: [FORMAT_NAMES[model.format], ...sortAliases(aliases)].join(' · ') }
  })
}
