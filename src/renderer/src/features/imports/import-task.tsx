import { ActionIcon, Anchor, Button } from '@mantine/core'
import type { Import } from '@shared/contract'
import { IconX } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { RelativeTime, StateDot, Transfer } from '../../components'
import { getClient } from '../../lib/client'
import { notifyError } from '../../lib/errors'
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
    <li className={classes['task']}>
      <div className={classes['taskHead']}>
        <span className={classes['taskName']} title={item.source}>
          <bdi>{item.source}</bdi>
        </span>
        <StateDot state={item.state} />
        {item.state === 'running' && (
          <ActionIcon
            size={22}
            aria-label={t('cancelImport', { source: item.source })}
            onClick={() => void getClient().storage.imports.cancel({ id: item.id }).catch(notifyError)}
          >
            <IconX size={14} stroke={1.6} />
          </ActionIcon>
        )}
      </div>
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
    </li>
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
