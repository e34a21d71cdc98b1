import { Anchor, Button } from '@mantine/core'
import type { Import } from '@shared/contract'
import { useTranslation } from 'react-i18next'
import { RelativeTime, TaskCard, Transfer } from '../../components'
import { getClient } from '../../lib/client'
import { RouteLink } from '../../lib/router'
import { useSystemInfo } from '../../lib/stores'
import classes from './imports.module.css'
import { reviewImport } from './store'
import { landing, reasonOf } from './words'

/** One import in the task centre: how far it is, how it ended, and what can be done about it. */
export function ImportTask({ item, onLeave }: { item: Import; onLeave: () => void }) {
  const { t } = useTranslation(['imports', 'common'])
  const review = () => {
    onLeave()
    reviewImport(item.id)
  }
  const became = landing(item)
  return (
    <TaskCard
      name={item.source}
      state={item.state}
      cancel={
        item.state === 'running'
          ? {
              label: t('cancelImport', { source: item.source }),
              act: () => getClient().storage.imports.cancel({ id: item.id }),
            }
          : undefined
      }
    >
      {item.state === 'running' && <Running item={item} />}
      {became && (
        <div className={classes['taskFoot']}>
          <Anchor component={RouteLink} size="xs" to={became.to} onClick={onLeave}>
            {t(item.known ? 'wasKnown' : 'isReady', became)}
          </Anchor>
          <span className={classes['quiet']}>
            <RelativeTime at={item.finishedAt} />
          </span>
        </div>
      )}
      {(item.state === 'failed' || item.state === 'rejected') && (
        <>
          <div className={classes['taskWhy']} data-tone="failed">
            <bdi>{reasonOf(item)}</bdi>
          </div>
          <div className={classes['taskFoot']}>
            <Button size="compact-xs" variant="default" onClick={review}>
              {t('why')}
            </Button>
            <span className={classes['quiet']}>
              <RelativeTime at={item.finishedAt} />
            </span>
          </div>
        </>
      )}
      {item.state === 'waiting' && (
        <div className={classes['taskFoot']}>
          <span className={classes['taskWhy']}>
            {t(item.verdict === 'warn' ? 'waitsForDecision' : 'waitsForName')}
          </span>
          <Button size="compact-xs" onClick={review}>
            {t('review')}
          </Button>
        </div>
      )}
    </TaskCard>
  )
}

function Running({ item }: { item: Import }) {
  const { t } = useTranslation('imports')
  const startedAt = useSystemInfo((state) => state.value?.startedAt)
  const resumed = startedAt !== undefined && item.createdAt < startedAt
  return (
    <>
      <Transfer
        label={item.source}
        bytesDone={item.bytesDone}
        bytesTotal={item.bytesTotal}
        atEnd={t('checking')}
      />
      {resumed && <div className={classes['quiet']}>{t('resumed')}</div>}
    </>
  )
}
