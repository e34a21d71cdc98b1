import { Anchor } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useEffect } from 'react'
import type { Import } from '../../../../shared/contract'
import { landing, reasonOf, reviewImport } from '../../features/imports'
import { useOpenDialogs } from '../../lib/dialogs'
import { i18n } from '../../lib/i18n'
import { useTaskCentre } from '../../lib/imports'
import { onEachStep } from '../../lib/live'
import { RouteLink } from '../../lib/router'
import { useImports, useMe } from '../../lib/stores'

/** Says how an import ended, or that it waits for an answer, once, as it happens. */
export function useImportNotices(): void {
  useEffect(() => onEachStep(useImports, announce), [])
}

function announce(item: Import): void {
  const { source } = item
  const became = landing(item)
  // An open task centre says how an import ended, beside the import itself.
  if (item.state !== 'waiting' && useTaskCentre.getState().opened) return
  if (became) {
    const id = `import:${item.id}`
    notifications.show({
      id,
      color: 'teal',
      withBorder: true,
      autoClose: 10_000,
      title: i18n.t(item.known ? 'imports:wasKnown' : 'imports:isReady', became),
      message: (
        <>
          {i18n.t(item.known ? 'shell:importKnownText' : 'shell:importReadyText')}{' '}
          <Anchor
            component={RouteLink}
            size="sm"
            underline="always"
            to={became.to}
            onClick={() => notifications.hide(id)}
          >
            {i18n.t('common:open')}
          </Anchor>
        </>
      ),
    })
  } else if (item.state === 'failed' || item.state === 'rejected') {
    notifications.show({
      color: 'red',
      withBorder: true,
      autoClose: false,
      title: i18n.t(item.state === 'failed' ? 'shell:importFailed' : 'shell:importRejected', { source }),
      message: reasonOf(item),
    })
  } else if (item.state === 'waiting') {
    const asked = useMe.getState().value?.id === item.createdBy
    if (asked && useOpenDialogs.getState().count === 0) {
      useTaskCentre.getState().setOpened(false)
      reviewImport(item.id)
    } else useTaskCentre.getState().setOpened(true)
  }
}
