import { Button } from '@mantine/core'
import { IconAlertTriangle, type TablerIcon } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import type { ErrorView } from '../lib/errors'
import classes from './components.module.css'

/** Nothing here yet: what this place is, what to do next, and the action for it. */
export function EmptyState(props: {
  icon: TablerIcon
  title: string
  text: string
  action?: ReactNode
  compact?: boolean
}) {
  const Icon = props.icon
  return (
    <div className={classes['empty']} data-compact={props.compact || undefined}>
      <Icon size={props.compact ? 22 : 30} stroke={1.4} aria-hidden="true" />
      <div className={classes['emptyTitle']}>{props.title}</div>
      <div className={classes['emptyText']}>{props.text}</div>
      {props.action && <div className={classes['emptyAction']}>{props.action}</div>}
    </div>
  )
}

/** Something could not be shown: the sentence, its code, and another try. */
export function ErrorState(props: { error: ErrorView; onRetry?: () => void }) {
  const { t } = useTranslation('common')
  return (
    <div className={classes['empty']} role="alert">
      <IconAlertTriangle size={30} stroke={1.4} color="var(--app-failed)" aria-hidden="true" />
      <div className={classes['emptyTitle']}>{t('error.title')}</div>
      <div className={classes['emptyText']}>{props.error.message}</div>
      <div className={classes['mono']} data-dimmed>
        {props.error.code}
      </div>
      {props.onRetry && (
        <div className={classes['emptyAction']}>
          <Button variant="default" onClick={props.onRetry}>
            {t('retry')}
          </Button>
        </div>
      )}
    </div>
  )
}

/** What needs a person, first on a page: words at the left, the actions beside them. */
export function Attention(props: { tone?: 'waiting' | 'failed'; children: ReactNode; actions?: ReactNode }) {
  return (
    <div className={classes['attention']} style={{ '--dot': `var(--app-${props.tone ?? 'waiting'})` }}>
      <IconAlertTriangle size={17} stroke={1.6} color="var(--dot)" aria-hidden="true" />
      <div className={classes['attentionText']}>{props.children}</div>
      {props.actions && <div className={classes['attentionActions']}>{props.actions}</div>}
    </div>
  )
}
