import { defineTexts } from '../../lib/i18n'

export const texts = defineTexts({
  en: { title: 'Activity' },
  zh: { title: '活动' },
})
