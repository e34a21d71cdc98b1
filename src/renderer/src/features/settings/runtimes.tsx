import type { EngineView, RuntimeView } from '@shared/contract'
import { useEffect } from 'react'
import { useTranslation } from 'react-i18next'
import { ConfirmButton, ErrorState, Panel, StateDot } from '../../components'
import { getClient } from '../../lib/client'
import { formatBytes } from '../../lib/format'
import { createPolledStore } from '../../lib/poll'
import { pathTo, RouteLink } from '../../lib/router'
import classes from './settings.module.css'

const useRuntimes = createPolledStore(
  async (client, signal) => (await client.compute.runtimes.list(undefined, { signal })).items,
  3_000,
)

/** Which formats run here, on what, why not, and the models that are loaded. */
export function Runtimes() {
  const { t } = useTranslation('settings')
  const { value, error, refresh } = useRuntimes()
  useEffect(() => useRuntimes.start(), [])
  return (
    <Panel title={t('runtimes')}>
      {error && !value ? (
        <ErrorState error={error} onRetry={() => void refresh()} />
      ) : (
        <ul className={classes['list']}>
          {value?.map((runtime) => (
            <Runtime key={runtime.id} runtime={runtime} />
          ))}
        </ul>
      )}
    </Panel>
  )
}

function Runtime({ runtime }: { runtime: RuntimeView }) {
  const { t } = useTranslation('settings')
  return (
    <li>
      <div className={classes['rowHead']}>
        <div className={classes['rowName']}>
          <strong>{runtime.name}</strong> <span className={classes['quiet']}>{runtime.version}</span>
          <div className={classes['quiet']}>
            {[runtime.formats.join(', '), runtime.backend].filter(Boolean).join(' · ')}
          </div>
        </div>
        <StateDot
          state={runtime.available ? 'ok' : 'off'}
          label={runtime.available ? t('available') : t('unavailable')}
        />
      </div>
      {runtime.reason !== null && <div className={classes['quiet']}>{runtime.reason}</div>}
      {runtime.engines.length > 0 && (
        <ul className={classes['engines']}>
          {runtime.engines.map((engine) => (
            <Engine key={engine.id} engine={engine} />
          ))}
        </ul>
      )}
    </li>
  )
}

function Engine({ engine }: { engine: EngineView }) {
  const { t } = useTranslation('settings')
  const { model, version } = engine
  return (
    <li className={classes['rowHead']}>
      <div className={classes['rowName']}>
        {/* What runs without a model is no version of one. */}
        {version === 0 ? (
          <span>{model}</span>
        ) : (
          <RouteLink to={pathTo('models', model, version)} className={classes['link']}>
            {t('engine', { model, version })}
          </RouteLink>
        )}
        <div className={classes['quiet']}>
          {t('engineFacts', {
            memory: formatBytes(engine.memoryBytes),
            count: engine.runs,
            pid: engine.pid ?? '–',
          })}
        </div>
      </div>
      <StateDot state={engine.state} />
      <ConfirmButton
        size="compact-xs"
        disabled={engine.state !== 'idle'}
        aria-label={t('unloadLabel', { model, version })}
        title={t('unloadTitle')}
        message={t('unloadText')}
        confirmLabel={t('unload')}
        onConfirm={async () => {
          await getClient().compute.runtimes.unload({ id: engine.id })
          await useRuntimes.getState().refresh()
        }}
      >
        {t('unload')}
      </ConfirmButton>
    </li>
  )
}
