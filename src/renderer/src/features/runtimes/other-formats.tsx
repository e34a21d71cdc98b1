import { ModelFormat, type RuntimeView } from '@shared/contract'
import { useTranslation } from 'react-i18next'
import { Facts, Panel } from '../../components'
import { FORMAT_NAMES } from '../models'

/** Formats that nothing here runs, and what would make a model of each run. */
export function OtherFormats({ runtimes }: { runtimes: readonly RuntimeView[] }) {
  const { t } = useTranslation('runtimes')
  const runs = new Set(runtimes.flatMap(({ available, formats }) => (available ? formats : [])))
  const others = ModelFormat.options.filter((format) => !runs.has(format))
  if (others.length === 0) return null
  return (
    <Panel title={t('others')} aside={t('othersText')}>
      <Facts rows={others.map((format) => [FORMAT_NAMES[format], t(`help.${format}`)])} />
    </Panel>
  )
}
