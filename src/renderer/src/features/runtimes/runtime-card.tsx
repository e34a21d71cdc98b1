import { Badge } from '@mantine/core'
import type { RuntimeBackend, RuntimeView } from '@shared/contract'
import { IconPuzzle, IconShieldCheck, IconShieldHalf } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { Panel, StateDot } from '../../components'
import { phraseWords } from '../../lib/words'
import { FORMAT_NAMES } from '../models'
import classes from './runtimes.module.css'

/** One runtime: what it runs here, on what, why not on more, and what its workers are kept from. */
export function RuntimeCard({ runtime }: { runtime: RuntimeView }) {
  const { t } = useTranslation('runtimes')
  const { available, backends, beingTried, formats, isolation, name, plugin, reason, version } = runtime
  const isToldBelow = backends.some((backend) => backend.reason === reason)
  const Shield = isolation === 'bubblewrap' ? IconShieldCheck : IconShieldHalf
  return (
    <Panel aria-label={name}>
      <div className={classes['cardHead']}>
        <h2 title={name}>
          <bdi>{name}</bdi>
        </h2>
        <span className={classes['version']}>{version}</span>
        {plugin !== null && (
          <Badge leftSection={<IconPuzzle size={11} stroke={1.6} aria-hidden="true" />}>{t('plugin')}</Badge>
        )}
        <span className={classes['grow']} />
        {beingTried ? (
          <StateDot state="loading" label={t('beingTried')} />
        ) : (
          <StateDot state={available ? 'ok' : 'off'} label={available ? t('available') : t('unavailable')} />
        )}
      </div>
      <ul className={classes['badges']} aria-label={t('formats')}>
        {formats.map((format) => (
          <li key={format}>
            <Badge>{FORMAT_NAMES[format]}</Badge>
          </li>
        ))}
        {formats.length === 0 && <li className={classes['quiet']}>{t('noFormats')}</li>}
      </ul>
      {reason !== null && !isToldBelow && <p className={classes['reason']}>{phraseWords(reason)}</p>}
      {backends.length > 0 && (
        <ul className={classes['backends']} aria-label={t('backends')}>
          {backends.map((backend) => (
            <Backend key={backend.name} backend={backend} />
          ))}
        </ul>
      )}
      {available && (
        <div className={classes['isolation']} data-isolation={isolation}>
          <Shield size={15} stroke={1.6} aria-hidden="true" />
          <span>{t(`isolation.${isolation}`)}</span>
        </div>
      )}
    </Panel>
  )
}

function Backend({ backend: { name, available, reason } }: { backend: RuntimeBackend }) {
  const { t } = useTranslation('runtimes')
  const label = t(`backend.${name}`, { defaultValue: name })
  return (
    <li>
      <StateDot state={available ? 'ok' : 'off'} label={label} />
      <span className={classes['quiet']}>{available ? t('works') : phraseWords(reason ?? '')}</span>
    </li>
  )
}
