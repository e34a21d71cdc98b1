import { type AnchorHTMLAttributes, createElement, type ReactElement, useSyncExternalStore } from 'react'

export const PAGES = [
  'overview',
  'devices',
  'jobs',
  'timeline',
  'pipelines',
  'models',
  'data',
  'runtimes',
  'access',
  'activity',
  'settings',
] as const
export type PageName = (typeof PAGES)[number]

export interface Route {
  page: PageName
  /** `id` of a job or a pipeline; `name` and `version` of a model or data set; decoded. */
  params: { id?: string; name?: string; version?: string }
  query: URLSearchParams
}

const PATTERNS: Record<PageName, readonly (keyof Route['params'])[]> = {
  overview: [],
  devices: [],
  jobs: ['id'],
  timeline: ['id'],
  pipelines: ['id'],
  models: ['name', 'version'],
  data: ['name', 'version'],
  runtimes: [],
  access: [],
  activity: [],
  settings: [],
}

function isPage(text: string | undefined): text is PageName {
  return PAGES.some((page) => page === text)
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text)
  } catch (error) {
    if (error instanceof URIError) return null
    throw error
  }
}

/** `#/models/silero-vad/2?tab=files` as a route; what is no page of ours is the overview. */
export function parseRoute(hash: string): Route {
  const [path = '', search = ''] = hash.replace(/^#/, '').split('?', 2)
  const [page, ...rest] = path.split('/').filter((part) => part !== '')
  const query = new URLSearchParams(search)
  if (!isPage(page)) return { page: 'overview', params: {}, query }
  const names = PATTERNS[page]
  const params: Route['params'] = {}
  for (const [i, part] of rest.entries()) {
    const name = names[i]
    const value = decode(part)
    if (!name || value === null) return { page, params: {}, query }
    params[name] = value
  }
  return { page, params, query }
}

let lastHash: string | null = null
let lastRoute: Route = { page: 'overview', params: {}, query: new URLSearchParams() }

function currentRoute(): Route {
  if (location.hash !== lastHash) {
    lastHash = location.hash
    lastRoute = parseRoute(location.hash)
  }
  return lastRoute
}

function subscribe(onChange: () => void): () => void {
  window.addEventListener('hashchange', onChange)
  return () => window.removeEventListener('hashchange', onChange)
}

/** Where the window is. */
export function useRoute(): Route {
  return useSyncExternalStore(subscribe, currentRoute)
}

/** A path of encoded parts: `pathTo('models', name, version)`. */
export function pathTo(page: PageName, ...parts: (string | number)[]): string {
  return `/${[page, ...parts.map((part) => encodeURIComponent(part))].join('/')}`
}

/** Goes to a path such as `/jobs/j-1`; `replace` leaves no step to go back to. */
export function navigate(path: string, options: { replace?: boolean } = {}): void {
  if (options.replace) {
    history.replaceState(null, '', `#${path}`)
    window.dispatchEvent(new HashChangeEvent('hashchange'))
  } else location.hash = path
}

/** A link to a path of the window. */
export function RouteLink(props: { to: string } & AnchorHTMLAttributes<HTMLAnchorElement>): ReactElement {
  const { to, ...rest } = props
  return createElement('a', { ...rest, href: `#${to}` })
}
