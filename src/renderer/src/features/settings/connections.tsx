import { Switch } from '@mantine/core'
import type { ClientSession, Endpoint } from '@shared/contract'
import { useEffect } from 'react'
import { useTranslation } from 'react-i18next'
import { ErrorState, Panel, RelativeTime } from '../../components'
import { getClient } from '../../lib/client'
import { notifyError } from '../../lib/errors'
import { createPolledStore } from '../../lib/poll'
import { useMachineOffer } from '../../lib/rights'
import { RouteLink } from '../../lib/router'
import { useSystemInfo } from '../../lib/stores'
import { accessPath } from '../access/routes'
import classes from './settings.module.css'

const useConnections = createPolledStore(async (client, signal) => {
  const [endpoints, sessions] = await Promise.all([
    client.network.endpoints.list({}, { signal }),
    client.network.sessions({}, { signal }),
  ])
  return { endpoints: endpoints.items, sessions: sessions.items }
}, 5_000)

/** The protocols that programs and browsers come by, each with its switch, and who has come lately. */
export function Connections() {
  const { t } = useTranslation('settings')
  const { value, error, refresh } = useConnections()
  useEffect(() => useConnections.start(), [])
  return (
    <Panel title={t('connections')}>
      {error && !value && <ErrorState error={error} onRetry={() => void refresh()} />}
      {value && (
        <div className={classes['form']}>
          {value.endpoints.map((endpoint) => (
            <EndpointSwitch key={endpoint.id} endpoint={endpoint} />
          ))}
          <div>
            <h3 className={classes['label']}>{t('connected')}</h3>
            <Sessions sessions={value.sessions} />
          </div>
        </div>
      )}
    </Panel>
  )
}

function EndpointSwitch({ endpoint: { protocol, id, enabled } }: { endpoint: Endpoint }) {
  const { t } = useTranslation('settings')
  const { disabled, title } = useMachineOffer('endpoint.manage')
  async function turn(on: boolean): Promise<void> {
    try {
      await getClient().network.endpoints.update({ id, enabled: on })
      await Promise.all([useConnections.getState().refresh(), useSystemInfo.getState().refresh()])
    } catch (error) {
      notifyError(error)
    }
  }
  return (
    <Switch
      label={t(`endpoint.${protocol}`)}
      description={t(`endpointText.${protocol}`)}
      checked={enabled}
      disabled={disabled}
      wrapperProps={{ title }}
      onChange={(event) => void turn(event.currentTarget.checked)}
    />
  )
}

function Sessions({ sessions }: { sessions: readonly ClientSession[] }) {
  const { t } = useTranslation('settings')
  if (sessions.length === 0) return <span className={classes['quiet']}>{t('nobody')}</span>
  return (
    <ul className={classes['sessions']}>
      {sessions.map((session) => (
        <li key={session.id}>
          <RouteLink className={classes['link']} to={accessPath({ principal: session.principal })}>
            {session.principalName}
          </RouteLink>
          <span className={classes['quiet']}>
            {t(`came.${session.endpoint}`, { count: session.requests })} ·{' '}
            <RelativeTime at={session.lastSeenAt} />
          </span>
        </li>
      ))}
    </ul>
  )
}
