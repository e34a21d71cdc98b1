import { shortId } from '@shared/domain/ids'
import { pathTo, RouteLink } from '../../lib/router'
import { useJobs } from '../../lib/stores'
import classes from './jobs.module.css'

/** A link to a job by its name, where that is known, else by what tells its id from others. */
export function JobLink({ id, name = null }: { id: string; name?: string | null }) {
  const live = useJobs((state) => state.items.get(id)?.name)
  return (
    <RouteLink to={pathTo('jobs', id)} className={classes['link']}>
      {live ?? name ?? shortId(id)}
    </RouteLink>
  )
}
