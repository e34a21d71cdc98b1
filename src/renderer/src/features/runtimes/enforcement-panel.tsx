import { useTranslation } from 'react-i18next'
import { Panel, StateDot } from '../../components'
import { phraseWords } from '../../lib/words'
import classes from './runtimes.module.css'
import { useEnforcement } from './store'

/** What holds workers to what their jobs have leased, and what of it this machine does not have. */
export function EnforcementPanel() {
  const { t } = useTranslation('runtimes')
  const means = useEnforcement((state) => state.value) ?? []
  if (means.length === 0) return null
  return (
    <Panel title={t('enforcement')}>
      <table className={classes['enforcement']}>
        <thead>
          <tr>
            <th scope="col">{t('enforcementColumn.means')}</th>
            <th scope="col">{t('enforcementColumn.state')}</th>
            <th scope="col">{t('enforcementColumn.does')}</th>
          </tr>
        </thead>
        <tbody>
          {means.map(({ name, inForce, reason }) => (
            <tr key={name}>
              <th scope="row">{t(`means.${name}`)}</th>
              <td>
                <StateDot state={inForce ? 'ok' : 'off'} label={inForce ? t('inForce') : t('notInForce')} />
              </td>
              <td className={classes['quiet']}>
                {reason === null ? t(`meansText.${name}`) : phraseWords(reason)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  )
}
