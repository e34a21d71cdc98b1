import { Kbd } from '@mantine/core'
import { modals } from '@mantine/modals'
import { Fragment, useEffect } from 'react'
import { useTranslation } from 'react-i18next'
import { commandKey, isMac } from '../../lib/host'
import { i18n } from '../../lib/i18n'
import { navigate, PAGES } from '../../lib/router'
import { ROUTES } from '../routes'
import { numberedPage } from './numbered-page'
import classes from './shell.module.css'

const SEQUENCE_MS = 1_200

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || target.closest('input, textarea, select, [role="dialog"]') !== null)
  )
}

/** Comes to the search of the page; false where it has none, or a dialog lies over it. */
function search(): boolean {
  const field = document.querySelector<HTMLInputElement>('#content [data-search]')
  if (field === null || document.querySelector('[role="dialog"]') !== null) return false
  field.select()
  return true
}

/** Ctrl+F and `/` come to the search of a page, Alt with the number of a page and `g` then a letter go to a page; `?` shows the list. */
export function useShortcuts(): void {
  useEffect(() => {
    let wentAt = 0
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented) return
      const finds =
        event.ctrlKey || event.metaKey
          ? event.key.toLowerCase() === 'f'
          : event.key === '/' && !isTyping(event.target)
      if (finds && search()) event.preventDefault()
      if (finds || event.ctrlKey || event.metaKey) return
      const numbered = numberedPage(event, isMac() && isTyping(event.target))
      if (numbered) {
        event.preventDefault()
        navigate(`/${numbered}`)
        return
      }
      if (event.altKey || isTyping(event.target)) return
      const lettered = PAGES.find((page) => ROUTES[page].letter === event.key)
      if (event.timeStamp - wentAt < SEQUENCE_MS && lettered) {
        event.preventDefault()
        navigate(`/${lettered}`)
        wentAt = 0
      } else if (event.key === 'g') wentAt = event.timeStamp
      else if (event.key === '?') showShortcuts()
    }
    window.addEventListener('keydown', onKey)
    return () => window.removeEventListener('keydown', onKey)
  }, [])
}

export function showShortcuts(): void {
  modals.open({ modalId: 'shortcuts', title: i18n.t('shell:shortcuts'), children: <ShortcutList /> })
}

/** Keys that are pressed together or after each other; several ways lead to the same. */
type Row = [ways: string[][], label: string]

function ShortcutList() {
  const { t } = useTranslation('shell')
  const command = commandKey()
  const pages = PAGES.map((page, i): Row => {
    const letter = ['g', ROUTES[page].letter]
    // There are ten digits.
    const ways = i < 10 ? [letter, ['Alt', String((i + 1) % 10)]] : [letter]
    return [ways, t(`page.${page}`)]
  })
  const groups: [title: string, rows: Row[]][] = [
    [
      t('keys.everywhere'),
      [
        [[[command, 'K']], t('keys.palette')],
        [[[command, 'F'], ['/']], t('keys.search')],
        ...pages,
        [[['Esc']], t('keys.close')],
        [[['?']], t('keys.help')],
      ],
    ],
    [
      t('keys.inTables'),
      [
        [[['↑', '↓']], t('keys.rows')],
        [[['Enter']], t('keys.select')],
        [[['Shift', 'F10']], t('keys.menu')],
        [[['Space']], t('keys.mark')],
        [[['Shift', '↓']], t('keys.range')],
        [[[command, 'A']], t('keys.all')],
        [[['Delete']], t('keys.cancel')],
      ],
    ],
    [
      t('keys.onTimeline'),
      [
        [[['←', '→']], t('keys.pan')],
        [[['+', '−']], t('keys.zoom')],
        [[['Home']], t('keys.now')],
        [[['↑', '↓']], t('keys.bars')],
      ],
    ],
  ]
  return groups.map(([title, rows]) => (
    <section key={title}>
      <h3 className={classes['keysTitle']}>{title}</h3>
      <dl className={classes['keys']}>
        {rows.map(([ways, label]) => (
          <Fragment key={label}>
            <dt>{label}</dt>
            <dd>
              {ways.map((keys) => (
                <span key={keys.join()}>
                  {keys.map((key) => (
                    <Kbd key={key} size="xs">
                      {key}
                    </Kbd>
                  ))}
                </span>
              ))}
            </dd>
          </Fragment>
        ))}
      </dl>
    </section>
  ))
}
