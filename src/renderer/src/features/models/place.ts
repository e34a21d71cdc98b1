import { navigate, pathTo } from '../../lib/router'

export const TABS = ['overview', 'tensors', 'benchmarks', 'compare', 'lineage'] as const
export type Tab = (typeof TABS)[number]

/** What a link to the page of a model can say; everything is optional. */
export interface ModelPlace {
  version?: number | undefined
  tab?: Tab | undefined
  /** The two versions of a comparison. */
  from?: number | undefined
  to?: number | undefined
  /** The form that runs the version is open. */
  run?: boolean
}

/** The path of a place: `/models/net/2?tab=tensors`. */
export function modelPath(name: string, place: ModelPlace): string {
  const query = new URLSearchParams()
  if (place.tab && place.tab !== 'overview') query.set('tab', place.tab)
  if (place.from !== undefined) query.set('from', String(place.from))
  if (place.to !== undefined) query.set('to', String(place.to))
  if (place.run) query.set('run', '')
  const path = place.version === undefined ? pathTo('models', name) : pathTo('models', name, place.version)
  const text = query.toString()
  return text === '' ? path : `${path}?${text}`
}

function numberIn(text: string | null | undefined): number | undefined {
  return text && /^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined
}

/** The inverse of {@link modelPath}; ignores what it does not know. */
export function modelPlace(params: { version?: string }, query: URLSearchParams): ModelPlace {
  return {
    version: numberIn(params.version),
    tab: TABS.find((name) => name === query.get('tab')) ?? 'overview',
    from: numberIn(query.get('from')),
    to: numberIn(query.get('to')),
    run: query.has('run'),
  }
}

/** Goes there without a step to come back to: tabs and choices are no pages. */
export function goTo(name: string, place: ModelPlace): void {
  navigate(modelPath(name, place), { replace: true })
}
