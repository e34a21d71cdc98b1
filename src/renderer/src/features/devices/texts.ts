import { defineTexts } from '../../lib/i18n'

export const texts = defineTexts({
  en: { title: 'Devices' },
  zh: { title: '设备' },
})
