import { CloseButton, Tooltip } from '@mantine/core'
import { IconShieldCheck } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { create } from 'zustand'
import { Attention, BusyButton } from '../../components'
import { getClient } from '../../lib/client'
import { notifyError } from '../../lib/errors'
import { formatNumber } from '../../lib/format'
import { localeOf, useLanguage } from '../../lib/i18n'
import classes from './activity.module.css'

interface Verdict {
  valid: boolean
  records: number
  brokenAt: string | null
}

const useVerdict = create<{ busy: boolean; verdict: Verdict | null }>(() => ({ busy: false, verdict: null }))

async function verify(): Promise<void> {
  useVerdict.setState({ busy: true, verdict: null })
  try {
    useVerdict.setState({ verdict: await getClient().security.audit.verify() })
  } catch (error) {
    notifyError(error)
  } finally {
    useVerdict.setState({ busy: false })
  }
}

/** Asks the system to recompute the chain of hashes. */
export function VerifyButton() {
  const { t } = useTranslation('activity')
  const busy = useVerdict((state) => state.busy)
  return (
    <Tooltip label={t('verify.hint')}>
      <BusyButton
        leftSection={<IconShieldCheck size={15} stroke={1.6} />}
        busy={busy}
        onClick={() => void verify()}
      >
        {t('verify.button')}
      </BusyButton>
    </Tooltip>
  )
}

/** What the last verification found, until it is dismissed. */
export function VerifyOutcome() {
  const { t } = useTranslation('activity')
  const locale = localeOf(useLanguage((state) => state.language))
  const verdict = useVerdict((state) => state.verdict)
  if (!verdict) return null
  const records = formatNumber(verdict.records, locale, 0)
  const close = (
    <CloseButton
      size="sm"
      aria-label={t('verify.dismiss')}
      onClick={() => useVerdict.setState({ verdict: null })}
    />
  )
  return (
    <div role="status">
      {verdict.valid ? (
        <div className={classes['whole']}>
          <IconShieldCheck size={17} stroke={1.6} color="var(--app-succeeded)" aria-hidden="true" />
          <span>{verdict.records === 0 ? t('verify.empty') : t('verify.valid', { records })}</span>
          {close}
        </div>
      ) : (
        <Attention tone="failed" actions={close}>
          {t('verify.broken', { id: verdict.brokenAt ?? '–', records })}
        </Attention>
      )}
    </div>
  )
}
