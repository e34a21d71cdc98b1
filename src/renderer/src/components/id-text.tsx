import { CopyButton, Tooltip } from '@mantine/core'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { shortId } from '../../../shared/domain/ids'
import classes from './components.module.css'

/** Monospace for ids, digests, shapes. */
export function Mono(props: { children: ReactNode; title?: string; dimmed?: boolean }) {
  return (
    <span className={classes['mono']} data-dimmed={props.dimmed || undefined} title={props.title}>
      {props.children}
    </span>
  )
}

/** A short id; the whole one on hover, and on the clipboard after a click. `text` is what is shown instead. */
export function IdText(props: { id: string; text?: string }) {
  const { t } = useTranslation('common')
  return (
    <CopyButton value={props.id} timeout={1200}>
      {({ copied, copy }) => (
        <Tooltip label={copied ? t('copied') : props.id}>
          <button
            type="button"
            className={classes['idText']}
            aria-label={t('copyId', { id: props.id })}
            onClick={(event) => {
              event.stopPropagation()
              copy()
            }}
          >
            {props.text ?? shortId(props.id)}
          </button>
        </Tooltip>
      )}
    </CopyButton>
  )
}
