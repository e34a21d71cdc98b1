import type { Import } from '../../shared/contract'
import type { Caller, Security } from '../security'

/** An import as its reader may see it: under which other names its bytes are here is said of those it may read. */
export function shownImport(security: Pick<Security, 'allows'>, caller: Caller, view: Import): Import {
  const { suggestion } = view
  if (!suggestion || suggestion.knownAs.length === 0) return view
  const knownAs = suggestion.knownAs.filter(({ model: id }) =>
    security.allows(caller, 'model.read', { type: 'Model', id }),
  )
  return { ...view, suggestion: { ...suggestion, knownAs } }
}
