import { Button } from '@mantine/core'
import { useEffect } from 'react'
import { useTranslation } from 'react-i18next'
import { Attention, ErrorState, Page } from '../../components'
import { EnforcementPanel } from './enforcement-panel'
import { EngineTable } from './engine-table'
import { OtherFormats } from './other-formats'
import { PluginPanel } from './plugin-panel'
import { RuntimeCard } from './runtime-card'
import classes from './runtimes.module.css'
import { useEnforcement, useIdleMs, usePlugins, useRuntimes } from './store'

/** What runs models here: runtimes, what is loaded in them, and those of third parties. */
export function RuntimesPage() {
  const { t } = useTranslation('runtimes')
  const { value: runtimes, error, refresh } = useRuntimes()
  useEffect(() => {
    const stops = [useRuntimes, useEnforcement, usePlugins, useIdleMs].map((store) => store.start())
    return () => {
      for (const stop of stops) stop()
    }
  }, [])
  return (
    <Page title={t('title')}>
      {error && !runtimes ? (
        <ErrorState error={error} onRetry={() => void refresh()} />
      ) : (
        runtimes && (
          <>
            <Undecided />
            <EngineTable engines={runtimes.flatMap(({ engines }) => engines)} runtimes={runtimes} />
            <div className={classes['cards']}>
              {runtimes.map((runtime) => (
                <RuntimeCard key={runtime.id} runtime={runtime} />
              ))}
            </div>
            <EnforcementPanel />
            <OtherFormats runtimes={runtimes} />
            <PluginPanel />
          </>
        )
      )}
    </Page>
  )
}

/** Plugins that a person has to look at. */
function Undecided() {
  const { t } = useTranslation('runtimes')
  const plugins = usePlugins((state) => state.value) ?? []
  const show = (id: string) => {
    const row = document.getElementById(`plugin-${id}`)
    row?.scrollIntoView({ block: 'center' })
    row?.focus()
  }
  return plugins
    .filter(({ state }) => state === 'waiting' || state === 'changed')
    .map(({ id, name, state }) => (
      <Attention
        key={id}
        actions={
          <Button size="compact-xs" variant="default" onClick={() => show(id)}>
            {t('show')}
          </Button>
        }
      >
        {state === 'changed' ? t('changedNotice', { name }) : t('waitingNotice', { name })}
      </Attention>
    ))
}
