import { useTranslation } from 'react-i18next'
import { Modal } from '../../components'
import { useImports } from '../../lib/stores'
import { ReviewDialog } from './review-dialog'
import { StartDialog } from './start-dialog'
import { useImportDialog } from './store'

/** The dialogs of imports, over whatever page is open. */
export function ImportDialogs() {
  const { t } = useTranslation('imports')
  const { view, close } = useImportDialog()
  const item = useImports((state) => (view?.kind === 'review' ? state.items.get(view.id) : undefined))
  const waits = useImports(
    (state) => [...state.items.values()].filter(({ state }) => state === 'waiting').length,
  )
  const asks = item?.state === 'waiting'
  const title = view?.kind !== 'review' ? t('title') : t(asks ? 'reviewTitle' : 'endedTitle')
  return (
    <Modal
      opened={view !== null}
      onClose={close}
      title={asks && waits > 1 ? `${title} · ${t('waitingCount', { count: waits })}` : title}
      size={560}
    >
      {view?.kind === 'start' && <StartDialog />}
      {view?.kind === 'review' && <ReviewDialog id={view.id} />}
    </Modal>
  )
}
