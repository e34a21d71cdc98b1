import type { AuditRecord } from '@shared/contract'
import { isAction } from '@shared/domain/actions'
import { useTranslation } from 'react-i18next'
import { phraseWords } from '../../lib/words'
import { parseUid } from '../access/cedar/uid'
import { attemptWords } from '../access/policy-words'
import { denialWords } from './record-columns'

/** A denial in the language of the window: what was not let, as it follows a name, and why. */
export function useDenialWords(): (record: AuditRecord) => { what: string; why: string } {
  const { t } = useTranslation('activity')
  const { t: access } = useTranslation('access')
  return (record) => {
    const { action, resource, summary } = record
    if (!isAction(action)) return { what: '', why: phraseWords(summary) }
    return {
      what: t('denied', { what: attemptWords(access, action, parseUid(resource)) }),
      why: denialWords(t, record),
    }
  }
}
