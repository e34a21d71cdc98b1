import { useTranslation } from 'react-i18next'
import { Page } from '../../components'

export function AccessPage() {
  const { t } = useTranslation('access')
  return <Page title={t('title')}>{null}</Page>
}
