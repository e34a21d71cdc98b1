import { navigate } from '../../lib/router'

export const TABS = ['people', 'policies', 'try'] as const
export type Tab = (typeof TABS)[number]

/** What a link to the page of access can say; everything is optional. */
export interface AccessPlace {
  tab?: Tab
  principal?: string
  policy?: string
  /** A new policy; with principal, action and resource one that permits exactly these. */
  draft?: boolean
  /** What a draft permits, or what a decision to try is about; the resource as `Type::"id"`. */
  action?: string
  resource?: string
  dialog?: 'add' | 'person'
}

/** The path of a place: `/access?tab=policies&policy=notes-silero`. */
export function accessPath(place: AccessPlace): string {
  const query = new URLSearchParams()
  if (place.tab && place.tab !== 'people') query.set('tab', place.tab)
  for (const name of ['principal', 'policy', 'action', 'resource'] as const) {
    const value = place[name]
    if (value !== undefined) query.set(name, value)
  }
  if (place.draft) query.set('new', '')
  if (place.dialog) query.set(place.dialog, '')
  const text = query.toString()
  return text === '' ? '/access' : `/access?${text}`
}

/** The inverse of {@link accessPath}; ignores what it does not know. */
export function accessPlace(query: URLSearchParams): AccessPlace {
  const tab = TABS.find((name) => name === query.get('tab')) ?? 'people'
  const place: AccessPlace = { tab }
  for (const name of ['principal', 'policy', 'action', 'resource'] as const) {
    const value = query.get(name)
    if (value !== null && value !== '') place[name] = value
  }
  if (query.has('new')) place.draft = true
  if (query.has('add')) place.dialog = 'add'
  else if (query.has('person')) place.dialog = 'person'
  return place
}

/** Goes there without a step to come back to: selections and tabs are no pages. */
export function goTo(place: AccessPlace): void {
  navigate(accessPath(place), { replace: true })
}
