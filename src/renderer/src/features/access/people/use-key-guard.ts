import { useCallback, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { confirmUncopied } from './key-shown'

/** Closing by Escape or the cross, which must not lose a key that nobody has copied. */
export function useKeyGuard(
  isShown: boolean,
  close: () => void,
): { onCopied: () => void; onClose: () => void } {
  const { t } = useTranslation('access')
  const { t: common } = useTranslation('common')
  const [copied, setCopied] = useState(false)
  const onCopied = useCallback(() => setCopied(true), [])
  const onClose = () => {
    if (!isShown || copied) return close()
    const words = {
      title: t('shown.notCopied'),
      text: t('shown.notCopiedText'),
      close: t('shown.closeAnyway'),
      cancel: common('cancel'),
    }
    confirmUncopied(words, close)
  }
  return { onCopied, onClose }
}
