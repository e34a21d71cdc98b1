import { Button } from '@mantine/core'
import type { Plugin } from '@shared/contract'
import { IconAlertTriangle, IconCheck, IconX } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { BusyButton, Modal, Mono } from '../../components'
import { getClient } from '../../lib/client'
import { notifyError } from '../../lib/errors'
import { FORMAT_NAMES } from '../models'
import classes from './runtimes.module.css'
import { usePlugins, useRuntimes } from './store'

/** What a third party's runtime would be able to do, before a person lets it. */
export function AllowDialog(props: { plugin: Plugin | null; onClose: () => void }) {
  const { t } = useTranslation(['runtimes', 'common'])
  return (
    <Modal
      opened={props.plugin !== null}
      onClose={props.onClose}
      title={props.plugin && t('runtimes:allowTitle', { name: props.plugin.name })}
      closeButtonProps={{ 'aria-label': t('common:close') }}
    >
      {props.plugin && <Decision plugin={props.plugin} onClose={props.onClose} />}
    </Modal>
  )
}

function Decision({ plugin, onClose }: { plugin: Plugin; onClose: () => void }) {
  const { t } = useTranslation(['runtimes', 'common'])
  const [busy, setBusy] = useState(false)
  const { digest, formats, id, isolation, reads } = plugin
  const names = formats.map((format) => FORMAT_NAMES[format]).join(', ')

  async function allow(): Promise<void> {
    if (digest === null) return
    setBusy(true)
    try {
      await getClient().compute.plugins.allow({ id, digest })
      await Promise.all([usePlugins.getState().refresh(), useRuntimes.getState().refresh()])
      onClose()
    } catch (error) {
      notifyError(error)
    } finally {
      setBusy(false)
    }
  }

  return (
    <div className={classes['decision']}>
      <p>{t('runtimes:allowIntro')}</p>
      <ul className={classes['rights']}>
        <Right>{t('runtimes:may.run', { formats: names })}</Right>
        {isolation === 'bubblewrap' ? (
          <>
            <Right>{t('runtimes:may.read')}</Right>
            {reads.map((path) => (
              <Right key={path} grave>
                {t('runtimes:may.readMore')} <Mono>{path}</Mono>
              </Right>
            ))}
            <Right not>{t('runtimes:may.notNetwork')}</Right>
            <Right not>{t('runtimes:may.notWrite')}</Right>
            <Right not>{t('runtimes:may.notSee')}</Right>
          </>
        ) : (
          <Right grave>{t('runtimes:may.all')}</Right>
        )}
      </ul>
      <p className={classes['quiet']}>
        {t('runtimes:allowFiles')} <Mono title={digest ?? ''}>{digest?.slice(0, 16)}</Mono>
      </p>
      <div className={classes['decisionActions']}>
        <Button variant="default" onClick={onClose}>
          {t('common:cancel')}
        </Button>
        <BusyButton variant="filled" busy={busy} onClick={() => void allow()}>
          {t('runtimes:allow')}
        </BusyButton>
      </div>
    </div>
  )
}

function Right(props: { not?: boolean; grave?: boolean; children: React.ReactNode }) {
  const Icon = props.not ? IconX : props.grave ? IconAlertTriangle : IconCheck
  return (
    <li data-tone={props.grave ? 'grave' : undefined}>
      <Icon size={15} stroke={1.8} aria-hidden="true" />
      <span>{props.children}</span>
    </li>
  )
}
