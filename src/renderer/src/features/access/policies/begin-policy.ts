import { modals } from '@mantine/modals'
import { i18n } from '../../../lib/i18n'
import { goTo } from '../routes'
import { type Draft, NEW, useDrafts } from './drafts'

/** Begins a new policy; asks first where another one was begun and has not been saved. */
export function beginPolicy(draft: Draft): void {
  const { drafts, put } = useDrafts.getState()
  const begun = drafts.get(NEW)
  // Behind the question it can be seen.
  goTo({ tab: 'policies', draft: true })
  const isEmpty = !begun || Object.values(begun).every((text) => text.trim() === '')
  if (isEmpty) put(NEW, draft)
  else askToReplace(() => put(NEW, draft))
}

function askToReplace(replace: () => void): void {
  modals.openConfirmModal({
    title: i18n.t('access:editor.replaceTitle'),
    children: i18n.t('access:editor.replaceText'),
    labels: { confirm: i18n.t('access:editor.replace'), cancel: i18n.t('access:editor.keep') },
    confirmProps: { color: 'red.8' },
    onConfirm: replace,
  })
}
