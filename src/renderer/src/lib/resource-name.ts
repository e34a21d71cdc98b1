import { RESOURCE_NAMES } from '@shared/domain/resources'
import { useTranslation } from 'react-i18next'

/** The word for a resource; a custom one is called as it was named. */
export function useResourceName(): (resource: string) => string {
  const { t } = useTranslation('common')
  return (resource) => {
    const known = RESOURCE_NAMES.find((name) => name === resource)
    return known ? t(`resource.${known}`) : resource.replace(/^custom\./, '')
  }
}
