import type { DatasetVersion, LineageGraph } from '@shared/contract'
import { shortId } from '@shared/domain/ids'
import { useMemo } from 'react'
import { Trans, useTranslation } from 'react-i18next'
import { Panel, RelativeTime, StateDot } from '../../components'
import { pathTo, RouteLink } from '../../lib/router'
import { useJobs } from '../../lib/stores'
import { stateName } from '../jobs'
import classes from './data.module.css'
import { offspringOf, pathOfVersion } from './lineage'

const JOBS_SHOWN = 6

function VersionLink({ kind, reference }: { kind: 'model' | 'dataset'; reference: string }) {
  return (
    <RouteLink to={pathOfVersion(kind, reference)} className={classes['link']}>
      {reference}
    </RouteLink>
  )
}

function JobLink({ id }: { id: string }) {
  const name = useJobs((state) => state.items.get(id)?.name)
  return (
    <RouteLink to={pathTo('jobs', id)} className={classes['link']} title={id}>
      {name ?? shortId(id)}
    </RouteLink>
  )
}

/** Where a version came from, as a sentence with links. */
function Origin({ version }: { version: DatasetVersion }) {
  const { t } = useTranslation('data')
  const { source, job, models, datasets } = version.lineage
  const [model] = models
  const [dataset] = datasets
  if (job === null || model === undefined)
    return (
      <p className={classes['sentence']}>
        {source ? (
          <Trans
            t={t}
            i18nKey="lineage.imported"
            components={{ source: <bdi className={classes['source']}>{source}</bdi> }}
          />
        ) : (
          t('lineage.unknown')
        )}
      </p>
    )
  return (
    <p className={classes['sentence']}>
      <Trans
        t={t}
        i18nKey={dataset === undefined ? 'lineage.kept' : 'lineage.keptOver'}
        components={{
          job: <JobLink id={job} />,
          model: <VersionLink kind="model" reference={model} />,
          dataset: <VersionLink kind="dataset" reference={dataset ?? ''} />,
        }}
      />
    </p>
  )
}

/** Where a version came from, what came from it, and the jobs that read it. */
export function LineagePanel({ version, graph }: { version: DatasetVersion; graph: LineageGraph | null }) {
  const { t } = useTranslation('data')
  const reference = `${version.dataset}@${version.version}`
  const items = useJobs((state) => state.items)
  const readers = useMemo(
    () =>
      [...items.values()]
        .filter((job) => job.dataset === reference)
        .sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1))
        .slice(0, JOBS_SHOWN),
    [items, reference],
  )
  const offspring = useMemo(() => (graph ? offspringOf(graph, reference) : []), [graph, reference])
  return (
    <Panel title={t('lineage.title')}>
      <Origin version={version} />
      <h3 className={classes['subTitle']}>{t('lineage.after')}</h3>
      {offspring.length === 0 ? (
        <div className={classes['note']}>{t('lineage.nothingAfter')}</div>
      ) : (
        <ul className={classes['list']}>
          {offspring.map(({ kind, reference: made, job }) => (
            <li key={`${kind} ${made}`} className={classes['sentence']}>
              <Trans
                t={t}
                i18nKey={job === null ? 'lineage.made' : 'lineage.madeBy'}
                components={{
                  made: <VersionLink kind={kind} reference={made} />,
                  job: <JobLink id={job ?? ''} />,
                }}
              />
            </li>
          ))}
        </ul>
      )}
      <h3 className={classes['subTitle']}>{t('lineage.readers')}</h3>
      {readers.length === 0 ? (
        <div className={classes['note']}>{t('lineage.noReaders')}</div>
      ) : (
        <ul className={classes['list']}>
          {readers.map((job) => (
            <li key={job.id} className={classes['item']}>
              <StateDot state={stateName(job)} quiet />
              <RouteLink to={pathTo('jobs', job.id)} className={`${classes['link']} ${classes['grow']}`}>
                {job.name}
              </RouteLink>
              <span className={classes['note']}>
                <RelativeTime at={job.createdAt} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  )
}
