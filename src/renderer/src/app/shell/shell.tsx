import { Button, Loader } from '@mantine/core'
import { useModals } from '@mantine/modals'
import { useEffect } from 'react'
import { useTranslation } from 'react-i18next'
import { ImportDialogs } from '../../features/imports'
import { reconnectNow, useConnection } from '../../lib/client'
import { useCountedDialog } from '../../lib/dialogs'
import { useRoute } from '../../lib/router'
import { ROUTES } from '../routes'
import { DropOverlay } from './drop-overlay'
import { Header } from './header'
import { useImportNotices } from './import-notices'
import { Navigation } from './navigation'
import { PageBoundary } from './page-boundary'
import { Palette } from './palette'
import classes from './shell.module.css'
import { useShortcuts } from './shortcuts'
import { StatusBar } from './status-bar'
import { useStorageNotices } from './storage-notices'

/** The window: header, navigation, the page, the status bar; the whole of it takes dropped models. */
export function Shell() {
  const { t } = useTranslation('shell')
  const { page } = useRoute()
  const status = useConnection((state) => state.status)
  const { Page } = ROUTES[page]
  useShortcuts()
  useImportNotices()
  useStorageNotices()
  useCountedDialog(useModals().modals.length > 0)
  const title = t(`page.${page}`)
  useEffect(() => {
    document.title = `${title} · LLMAgentOS`
  }, [title])

  return (
    <div className={classes['shell']}>
      <button
        type="button"
        className={classes['skip']}
        onClick={() => document.getElementById('content')?.focus()}
      >
        {t('skip')}
      </button>
      <Header />
      <Navigation />
      <main id="content" className={classes['main']} tabIndex={-1}>
        {status === 'lost' && (
          <div className={classes['lost']} role="status">
            <Loader size={14} />
            <span>{t('lost')}</span>
            <Button variant="subtle" size="compact-xs" onClick={reconnectNow}>
              {t('tryNow')}
            </Button>
          </div>
        )}
        {status === 'connecting' ? (
          <div className={classes['connecting']} role="status">
            <Loader />
            <strong>{t('connecting')}</strong>
            <span>{t('connectingText')}</span>
          </div>
        ) : (
          <div className={classes['page']}>
            <PageBoundary key={page}>
              <Page />
            </PageBoundary>
          </div>
        )}
      </main>
      <StatusBar />
      <DropOverlay />
      <Palette />
      <ImportDialogs />
    </div>
  )
}
