import { useTranslation } from 'react-i18next'
import { Page } from '../../components'

export function DevicesPage() {
  const { t } = useTranslation('devices')
  return <Page title={t('title')}>{null}</Page>
}
