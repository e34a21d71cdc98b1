import { defineTexts } from '../../lib/i18n'

export const texts = defineTexts({
  en: { title: 'Access' },
  zh: { title: '访问控制' },
})
