import { defineTexts } from '../../lib/i18n'

export const texts = defineTexts({
  en: { title: 'Jobs' },
  zh: { title: '任务' },
})
