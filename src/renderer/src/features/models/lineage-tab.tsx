import { IconTimeline } from '@tabler/icons-react'
import { useCallback, useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { EmptyState, ErrorState, Graph, Panel, pathThrough } from '../../components'
import { getClient } from '../../lib/client'
import { useJobs, useModels } from '../../lib/stores'
import { stateName, useAsked } from '../jobs'
import { lineageNodes } from './lineage'
import classes from './models.module.css'

/** What the versions of a model came from and what came from them; what concerns the chosen one stands out. */
export function LineageTab({ model, version }: { model: string; version: number }) {
  const { t } = useTranslation('models')
  const models = useModels((state) => state.items)
  const jobs = useJobs((state) => state.items)
  const ask = useCallback(
    (signal: AbortSignal) => getClient().storage.models.lineage({ name: model }, { signal }),
    [model],
  )
  const { value, error, again } = useAsked(ask)
  const nodes = useMemo(
    () =>
      value &&
      lineageNodes(value, {
        models,
        jobs,
        kindName: (kind) => t(`lineage.kind.${kind}`),
        jobState: stateName,
      }),
    [value, models, jobs, t],
  )
  const highlighted = useMemo(
    () => (value ? pathThrough(`model:${model}@${version}`, value.edges) : undefined),
    [value, model, version],
  )
  if (error && !value) return <ErrorState error={error} onRetry={again} />
  if (!value || !nodes) return <div className={classes['note']}>{t('loading')}</div>
  if (nodes.length === 0) {
    return <EmptyState icon={IconTimeline} title={t('lineage.none')} text={t('lineage.noneText')} />
  }
  return (
    <Panel flush fill title={t('lineage.title')} aside={t('lineage.note', { version })}>
      <Graph
        label={t('lineage.label', { model })}
        nodes={nodes}
        edges={value.edges}
        highlighted={highlighted}
      />
    </Panel>
  )
}
