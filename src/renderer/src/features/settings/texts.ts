import { defineTexts } from '../../lib/i18n'

export const texts = defineTexts({
  en: { title: 'Settings' },
  zh: { title: '设置' },
})
