import { defineTexts } from '../../lib/i18n'

export const texts = defineTexts({
  en: { title: 'Overview' },
  zh: { title: '概览' },
})
