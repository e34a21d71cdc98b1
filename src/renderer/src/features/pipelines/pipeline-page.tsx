import { Loader, Switch } from '@mantine/core'
import type { Pipeline } from '@shared/contract'
import { isTerminal } from '@shared/domain/job-state'
import { IconMoodEmpty, IconRefresh } from '@tabler/icons-react'
import { Fragment, useCallback, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import {
  ActionButton,
  type Column,
  ConfirmButton,
  Duration,
  EmptyState,
  ErrorState,
  Facts,
  Graph,
  IdText,
  Meter,
  Page,
  Panel,
  RelativeTime,
  STATE_COLOURS,
  StateDot,
  type StateName,
  TwoLines,
  VirtualTable,
} from '../../components'
import { getClient } from '../../lib/client'
import { formatDuration, formatPercent } from '../../lib/format'
import { usePrincipalNames } from '../../lib/principal-names'
import { navigate, pathTo, RouteLink } from '../../lib/router'
import { reasonOf, stateName } from '../jobs'
import { behindIn, endedOf, graphOf, isSkipped, type PipelineJob } from './pipeline-graph'
import classes from './pipelines.module.css'
import { useFollowed, useLiveReasons } from './use-followed'

/** A longer path shows its ends. */
const MOST_NAMES = 8

/** One pipeline: its graph, live, the way that decides its length, and its jobs with their reasons. */
export function PipelinePage({ id }: { id: string }) {
  const { t } = useTranslation('pipelines')
  const ask = useCallback(
    (signal: AbortSignal) => getClient().compute.pipelines.get({ id }, { signal }),
    [id],
  )
  const { value, error, again } = useFollowed(ask, id)
  const parent = { label: t('title'), to: '/pipelines' }
  if (value) return <Shown pipeline={value} again={again} parent={parent} />
  return (
    <Page title={id} parent={parent}>
      {error?.code === 'compute.not_found' ? (
        <EmptyState icon={IconMoodEmpty} title={t('gone.title')} text={t('gone.text')} />
      ) : error ? (
        <ErrorState error={error} onRetry={again} />
      ) : (
        <div className={classes['loading']} role="status" aria-label={t('loading')}>
          <Loader />
        </div>
      )}
    </Page>
  )
}

function Shown(props: { pipeline: Pipeline; again: () => void; parent: { label: string; to: string } }) {
  const { pipeline } = props
  const { t } = useTranslation('pipelines')
  return (
    <Page
      title={pipeline.name}
      parent={props.parent}
      note={<StateDot state={pipeline.state} />}
      actions={<Actions pipeline={pipeline} again={props.again} />}
    >
      <div className={classes['stack']}>
        <GraphPanel pipeline={pipeline} />
        <div className={classes['columns']}>
          <Panel
            title={t('jobs')}
            flush
            aside={t('ended', { ended: endedOf(pipeline), count: pipeline.jobs.length })}
          >
            <JobTable pipeline={pipeline} />
          </Panel>
          <About pipeline={pipeline} />
        </div>
      </div>
    </Page>
  )
}

function Actions({ pipeline, again }: { pipeline: Pipeline; again: () => void }) {
  const { t } = useTranslation('pipelines')
  const { id } = pipeline
  if (pipeline.state === 'running') {
    const open = pipeline.jobs.filter(({ job }) => !isTerminal(job.state)).length
    return (
      <ConfirmButton
        variant="light"
        color="red"
        title={t('cancel.title')}
        message={t('cancel.message', { count: open })}
        confirmLabel={t('cancel.confirm')}
        onConfirm={async () => {
          await getClient().compute.pipelines.cancel({ id })
          again()
        }}
      >
        {t('cancel.button')}
      </ConfirmButton>
    )
  }
  return (
    <ActionButton
      leftSection={<IconRefresh size={15} stroke={1.6} />}
      title={t('runAgainHelp')}
      onAct={async () => {
        const copy = await getClient().compute.pipelines.retry({ id })
        navigate(pathTo('pipelines', copy.id))
      }}
    >
      {t('runAgain')}
    </ActionButton>
  )
}

function GraphPanel({ pipeline }: { pipeline: Pipeline }) {
  const { t } = useTranslation('pipelines')
  const [onlyPath, setOnlyPath] = useState(false)
  const second = useSecondLine()
  const { nodes, edges } = useMemo(() => {
    const behind = behindIn(pipeline.jobs)
    return graphOf(pipeline, (member) => ({ second: second(member), state: standOf(member, behind) }))
  }, [pipeline, second])
  const path = useMemo(() => new Set(pipeline.criticalPath.keys), [pipeline])
  return (
    <Panel
      title={t('graph')}
      flush
      aside={
        <Switch
          size="xs"
          label={t('showPath')}
          checked={onlyPath}
          onChange={(event) => setOnlyPath(event.currentTarget.checked)}
        />
      }
    >
      <Graph
        label={t('graphOf', { name: pipeline.name })}
        nodes={nodes}
        edges={edges}
        highlighted={onlyPath ? path : undefined}
      />
    </Panel>
  )
}

/** How a job of a pipeline stands; one that waits for others of it is only in line. */
function standOf({ key, job }: PipelineJob, behind: ReadonlySet<string>): StateName {
  return job.state === 'queued' && behind.has(key) ? 'queued' : stateName(job)
}

/** What is said below the key of a job: how long it took, or how it stands. */
function useSecondLine(): (member: PipelineJob) => string {
  const { t } = useTranslation('pipelines')
  const work = useWorkLine()
  return useCallback(
    (member) => {
      const { job } = member
      if (job.reusedFrom !== null) return t('line.reused')
      if (isSkipped(member)) return t('line.skipped')
      if (job.state === 'running') return t('line.running', { percent: formatPercent(job.progress) })
      if (job.state === 'succeeded')
        return t('line.took', { time: formatDuration(job.timings.loadMs + job.timings.computeMs) })
      return work(job)
    },
    [t, work],
  )
}

/** What a job works on: its model, or the kind of load that it is. */
function useWorkLine(): (job: PipelineJob['job']) => string {
  const { t } = useTranslation('jobs')
  return useCallback((job) => job.model ?? t(`kind.${job.kind}`), [t])
}

function JobTable({ pipeline }: { pipeline: Pipeline }) {
  const { t } = useTranslation('pipelines')
  const jobs = useLiveReasons(pipeline.jobs)
  const behind = useMemo(() => behindIn(jobs), [jobs])
  const second = useSecondLine()
  const work = useWorkLine()
  const columns = useMemo(
    (): Column<PipelineJob>[] => [
      {
        key: 'key',
        header: t('column.key'),
        width: 'minmax(150px, 2fr)',
        render: (member) => {
          // Whom it comes after, and how long it took, stands beside it.
          const { job } = member
          const isPlain = isSkipped(member) || behind.has(member.key)
          const reason = isPlain ? null : reasonOf(job)
          const ran = job.state === 'succeeded' && job.reusedFrom === null
          return (
            <TwoLines
              first={
                <RouteLink to={pathTo('jobs', job.id)} className={classes['link']}>
                  {member.key}
                </RouteLink>
              }
              second={reason?.text ?? (ran ? work(job) : second(member))}
              tone={reason?.tone}
            />
          )
        },
      },
      {
        key: 'state',
        header: t('column.state'),
        width: '110px',
        render: (member) => (
          <StateDot
            state={standOf(member, behind)}
            {...(isSkipped(member) ? { label: t('line.skipped') } : {})}
          />
        ),
      },
      {
        key: 'after',
        header: t('column.after'),
        width: 'minmax(90px, 1fr)',
        hideBelow: 480,
        render: ({ dependsOn, job }) => (
          <TwoLines
            first={dependsOn.join(', ') || '–'}
            second={job.runWhen === 'succeeded' ? null : t(`when.${job.runWhen}`)}
          />
        ),
      },
      {
        key: 'took',
        header: t('column.took'),
        width: '90px',
        align: 'end',
        render: ({ job }) => (
          <Duration
            ms={
              isTerminal(job.state) && job.startedAt !== null
                ? job.timings.loadMs + job.timings.computeMs
                : null
            }
          />
        ),
      },
    ],
    [t, second, work, behind],
  )
  return (
    <VirtualTable
      label={t('jobs')}
      rows={jobs}
      rowKey={({ key }) => key}
      columns={columns}
      rowHeight={48}
      maxHeight={560}
    />
  )
}

function About({ pipeline }: { pipeline: Pipeline }) {
  const { t } = useTranslation('pipelines')
  const nameOf = usePrincipalNames()
  const { keys, lengthMs } = pipeline.criticalPath
  return (
    <Panel title={t('about')}>
      {pipeline.state === 'running' && (
        <div className={classes['whole']}>
          <Meter
            thick
            label={t('progress', { percent: formatPercent(pipeline.progress) })}
            parts={[{ share: pipeline.progress, colour: STATE_COLOURS.running }]}
          />
        </div>
      )}
      <Facts
        rows={[
          [t('fact.path'), <PathOf key="path" keys={keys} lengthMs={lengthMs} />],
          [t('fact.principal'), nameOf(pipeline.principal)],
          [t('fact.created'), <RelativeTime key="created" at={pipeline.createdAt} />],
          [t('fact.finished'), <RelativeTime key="finished" at={pipeline.finishedAt} />],
          [t('fact.id'), <IdText key="id" id={pipeline.id} />],
        ]}
      />
    </Panel>
  )
}

/** The ends of a long path. */
function shortened(keys: readonly string[]): readonly string[] {
  return keys.length > MOST_NAMES ? [...keys.slice(0, 3), '…', ...keys.slice(-3)] : keys
}

function PathOf({ keys, lengthMs }: { keys: readonly string[]; lengthMs: number }) {
  return (
    <>
      <div>
        {shortened(keys).map((key, i) => (
          <Fragment key={key}>
            {i > 0 && ' → '}
            <span className={classes['name']}>{key}</span>
          </Fragment>
        ))}
      </div>
      <div className={classes['quiet']}>{formatDuration(lengthMs)}</div>
    </>
  )
}
