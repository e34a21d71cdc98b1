import { RouteLink } from '../../lib/router'
import classes from './access.module.css'
import { policyOfStatement } from './policy-words'
import { accessPath } from './routes'

/** A link to the policy that a deciding statement belongs to. */
export function PolicyLink({ statement }: { statement: string }) {
  return (
    <RouteLink
      className={`${classes['link']} ${classes['policyLink']}`}
      to={accessPath({ tab: 'policies', policy: policyOfStatement(statement) })}
      title={statement}
      onClick={(event) => event.stopPropagation()}
    >
      {statement}
    </RouteLink>
  )
}
