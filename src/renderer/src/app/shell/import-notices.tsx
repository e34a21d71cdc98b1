import { Anchor } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useEffect } from 'react'
import type { Import } from '../../../../shared/contract'
import { i18n } from '../../lib/i18n'
import { useTaskCentre } from '../../lib/imports'
import { pathTo, RouteLink } from '../../lib/router'
import { useImports } from '../../lib/stores'
import { reasonOf } from './task-centre'

/** Says how an import ended, or that it waits for an answer, once, as it happens. */
export function useImportNotices(): void {
  useEffect(() => {
    const seen = new Map<string, Import['state']>()
    let begun = false
    return useImports.subscribe((state) => {
      if (!state.ready) return
      for (const item of state.items.values()) {
        const before = seen.get(item.id)
        if (before === item.state) continue
        seen.set(item.id, item.state)
        // What was there when the window opened is in the task centre, and is no news.
        if (begun) announce(item)
      }
      begun = true
    })
  }, [])
}

function announce(item: Import): void {
  const { source } = item
  if (item.state === 'completed' && item.model !== null && item.version !== null) {
    const { model, version } = item
    const id = `import:${item.id}`
    notifications.show({
      id,
      color: 'teal',
      withBorder: true,
      autoClose: 10_000,
      title: i18n.t(item.known ? 'shell:importKnown' : 'shell:importReady', { model, version }),
      message: (
        <>
          {i18n.t(item.known ? 'shell:importKnownText' : 'shell:importReadyText')}{' '}
          <Anchor
            component={RouteLink}
            size="sm"
            to={pathTo('models', model, version)}
            onClick={() => notifications.hide(id)}
          >
            {i18n.t('shell:openModel')}
          </Anchor>
        </>
      ),
    })
  } else if (item.state === 'failed' || item.state === 'rejected') {
    // An open task centre says the same, beside the import itself.
    if (useTaskCentre.getState().opened) return
    notifications.show({
      color: 'red',
      withBorder: true,
      autoClose: false,
      title: i18n.t(item.state === 'failed' ? 'shell:importFailed' : 'shell:importRejected', { source }),
      message: reasonOf(item),
    })
  } else if (item.state === 'waiting') {
    useTaskCentre.getState().setOpened(true)
  }
}
