import { Kbd } from '@mantine/core'
import { modals } from '@mantine/modals'
import { Fragment, useEffect } from 'react'
import { useTranslation } from 'react-i18next'
import { commandKey } from '../../lib/host'
import { i18n } from '../../lib/i18n'
import { navigate, PAGES } from '../../lib/router'
import { ROUTES } from '../routes'
import classes from './shell.module.css'

const SEQUENCE_MS = 1_200

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || target.closest('input, textarea, select, [role="dialog"]') !== null)
  )
}

/** Alt with the number of a page and `g` then a letter go to a page; `?` shows the list. */
export function useShortcuts(): void {
  useEffect(() => {
    let wentAt = 0
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey) return
      const numbered = event.altKey ? PAGES[(Number(event.code.replace('Digit', '')) + 9) % 10] : undefined
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

function ShortcutList() {
  const { t } = useTranslation('shell')
  const rows: [string[][], string][] = [
    [[[commandKey(), 'K']], t('keys.palette')],
    ...PAGES.map((page, i): [string[][], string] => [
      [
        ['g', ROUTES[page].letter],
        ['Alt', String((i + 1) % 10)],
      ],
      t(`page.${page}`),
    ]),
    [[['↑', '↓']], t('keys.rows')],
    [[['Enter']], t('keys.select')],
    [[['Esc']], t('keys.close')],
    [[['?']], t('keys.help')],
  ]
  return (
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
  )
}
