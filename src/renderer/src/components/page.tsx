import { ActionIcon } from '@mantine/core'
import { IconX } from '@tabler/icons-react'
import { type ReactNode, useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { RouteLink } from '../lib/router'
import classes from './components.module.css'

export interface PageProps {
  title: ReactNode
  /** The page above, before the title: `Models / silero-vad`. */
  parent?: { label: string; to: string }
  /** Beside the title: a badge, a state. */
  note?: ReactNode
  actions?: ReactNode
  children: ReactNode
  /** The content keeps to the height of the window and scrolls inside itself: for a long table. */
  fill?: boolean
  /** A panel at the right; the content stays. */
  detail?: ReactNode
  detailLabel?: string
  /** What the detail is of: that of another begins at its top. */
  detailKey?: string | null
  onCloseDetail?: () => void
}

/**
 * Whether a key belongs to a dialog, a menu or a list of choices that lies over the page. A dialog that has closed at
 * this very key is no longer in the document, but what had the focus is still in it.
 */
function isForOverlay({ target }: KeyboardEvent): boolean {
  const overlay = '[role="dialog"], [role="menu"], [data-mantine-stop-propagation]'
  return (
    document.querySelector('[role="dialog"]') !== null ||
    (target instanceof Element && target.closest(overlay) !== null)
  )
}

/** A page: its title and actions stay in sight, its content scrolls, a detail lies beside it. */
export function Page(props: PageProps) {
  const { t } = useTranslation('common')
  const { onCloseDetail } = props
  const open = Boolean(props.detail)
  useEffect(() => {
    if (!open || !onCloseDetail) return
    let isOthers = false
    // On the way down: a list of choices that has closed at this key leaves no trace of having been open.
    const onKeyDown = (event: KeyboardEvent) => {
      isOthers = event.isComposing || isForOverlay(event)
    }
    const onKey = (event: KeyboardEvent) => {
      if (event.key === 'Escape' && !event.defaultPrevented && !isOthers) onCloseDetail()
    }
    window.addEventListener('keydown', onKeyDown, { capture: true })
    window.addEventListener('keydown', onKey)
    return () => {
      window.removeEventListener('keydown', onKeyDown, { capture: true })
      window.removeEventListener('keydown', onKey)
    }
  }, [open, onCloseDetail])

  const content = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (!open) return
    // A detail that had the focus takes it along when it closes.
    return () => {
      if (document.activeElement !== document.body) return
      const beside = content.current?.querySelector<HTMLElement>('[role="grid"], [role="application"]')
      beside?.focus({ preventScroll: true })
    }
  }, [open])

  const detail = useRef<HTMLElement>(null)
  // biome-ignore lint/correctness/useExhaustiveDependencies: that of another begins at its top
  useEffect(() => {
    detail.current?.scrollTo({ top: 0 })
  }, [props.detailKey])

  return (
    <div className={classes['page']}>
      <header className={classes['pageHead']}>
        <h1 className={classes['pageTitle']}>
          {props.parent && (
            <>
              <RouteLink to={props.parent.to} className={classes['pageParent']}>
                {props.parent.label}
              </RouteLink>
              <span className={classes['pageSlash']} aria-hidden="true">
                /
              </span>
            </>
          )}
          <span className={classes['ellipsis']}>{props.title}</span>
        </h1>
        {props.note && <div className={classes['pageNote']}>{props.note}</div>}
        {props.actions && <div className={classes['pageActions']}>{props.actions}</div>}
      </header>
      <div className={classes['pageBody']}>
        <div
          ref={content}
          className={classes['pageContent']}
          data-fill={props.fill || undefined}
          tabIndex={props.fill ? undefined : 0}
        >
          {props.children}
        </div>
        {open && (
          <aside ref={detail} className={classes['detail']} aria-label={props.detailLabel ?? t('detail')}>
            {onCloseDetail && (
              <ActionIcon
                className={classes['detailClose']}
                onClick={onCloseDetail}
                aria-label={t('close')}
                size={26}
              >
                <IconX size={16} stroke={1.6} />
              </ActionIcon>
            )}
            {props.detail}
          </aside>
        )}
      </div>
    </div>
  )
}
