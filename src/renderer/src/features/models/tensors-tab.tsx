import type { ModelVersion, TensorInfo } from '@shared/contract'
import { IconSearchOff, IconTableOff } from '@tabler/icons-react'
import { useCallback, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { type Column, EmptyState, ErrorState, Mono, Panel, SearchField, VirtualTable } from '../../components'
import { getClient } from '../../lib/client'
import { formatNumber } from '../../lib/format'
import { localeOf, useLanguage } from '../../lib/i18n'
import { useAsked } from '../jobs'
import classes from './models.module.css'

const PAGE = 1000

/** All tensors of a version, page after page. */
async function allTensors(name: string, version: number, signal: AbortSignal): Promise<TensorInfo[]> {
  const found: TensorInfo[] = []
  let cursor: string | undefined
  do {
    const page = await getClient().storage.models.tensors(
      { name, version, limit: PAGE, ...(cursor === undefined ? {} : { cursor }) },
      { signal },
    )
    found.push(...page.items)
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined)
  return found
}

/** The weights of a version by name, type and shape, with a search over all three. */
export function TensorsTab({ version }: { version: ModelVersion }) {
  const { t } = useTranslation('models')
  const locale = localeOf(useLanguage((state) => state.language))
  const { model, version: number, tensorCount } = version
  const [text, setText] = useState('')
  const ask = useCallback((signal: AbortSignal) => allTensors(model, number, signal), [model, number])
  const { value, error, again } = useAsked(tensorCount > 0 ? ask : null)
  const needle = text.trim().toLowerCase()
  const rows = useMemo(
    () =>
      (value ?? []).filter(({ name, dtype, shape }) =>
        `${name} ${dtype} [${shape.join(', ')}]`.toLowerCase().includes(needle),
      ),
    [value, needle],
  )
  const columns = useMemo(
    (): Column<TensorInfo>[] => [
      {
        key: 'name',
        width: 'minmax(120px, 3fr)',
        header: t('tensors.name'),
        render: ({ name }) => (
          <span title={name}>
            <Mono>{name}</Mono>
          </span>
        ),
      },
      { key: 'dtype', width: '84px', header: t('tensors.dtype'), render: ({ dtype }) => dtype },
      {
        key: 'shape',
        width: 'minmax(110px, 1fr)',
        header: t('tensors.shape'),
        render: ({ shape }) => <Mono>[{shape.join(', ')}]</Mono>,
      },
      {
        key: 'elements',
        width: '110px',
        hideBelow: 520,
        align: 'end',
        header: t('tensors.elements'),
        render: ({ shape }) =>
          formatNumber(
            shape.reduce((count, size) => count * size, 1),
            locale,
          ),
      },
    ],
    [t, locale],
  )
  if (tensorCount === 0) {
    return (
      <Panel fill>
        <EmptyState icon={IconTableOff} title={t('tensors.none')} text={t('tensors.noneText')} />
      </Panel>
    )
  }
  if (error && !value) return <ErrorState error={error} onRetry={again} />
  return (
    <div className={classes['column']}>
      <div className={classes['bar']}>
        <SearchField w={260} label={t('tensors.search')} value={text} onChange={setText} />
        <span className={classes['count']} aria-live="polite">
          {t('tensors.count', { count: rows.length })}
        </span>
      </div>
      <Panel flush fill aria-label={t('tab.tensors')}>
        <VirtualTable
          label={t('tab.tensors')}
          rows={rows}
          rowKey={({ name }) => name}
          columns={columns}
          rowHeight={36}
          empty={
            value ? (
              <EmptyState icon={IconSearchOff} title={t('tensors.nothing')} text={t('tensors.nothingText')} />
            ) : (
              <div className={classes['pad']}>{t('loading')}</div>
            )
          }
        />
      </Panel>
    </div>
  )
}
