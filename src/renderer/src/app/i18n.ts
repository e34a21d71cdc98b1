import { initReactI18next } from 'react-i18next'
import { texts as common } from '../components/texts'
import { texts as access } from '../features/access/texts'
import { texts as activity } from '../features/activity/texts'
import { texts as data } from '../features/data/texts'
import { texts as devices } from '../features/devices/texts'
import { texts as imports } from '../features/imports/texts'
import { texts as jobs } from '../features/jobs/texts'
import { texts as models } from '../features/models/texts'
import { texts as overview } from '../features/overview/texts'
import { texts as pipelines } from '../features/pipelines/texts'
import { texts as runtimes } from '../features/runtimes/texts'
import { texts as settings } from '../features/settings/texts'
import { texts as timeline } from '../features/timeline/texts'
import { i18n, localeOf, useLanguage } from '../lib/i18n'
import { texts as shell } from './texts'

const features = {
  common,
  shell,
  overview,
  devices,
  imports,
  jobs,
  timeline,
  pipelines,
  models,
  data,
  runtimes,
  access,
  activity,
  settings,
}

type Words = { [Feature in keyof typeof features]: (typeof features)[Feature]['en'] }

declare module 'i18next' {
  interface CustomTypeOptions {
    defaultNS: 'common'
    resources: Words
  }
}

function resourcesOf(language: 'en' | 'zh') {
  return Object.fromEntries(Object.entries(features).map(([name, texts]) => [name, texts[language]]))
}

/** Gives i18next the words of every feature, in the language of the person; before the first render. */
export async function initTexts(): Promise<void> {
  const { language } = useLanguage.getState()
  document.documentElement.lang = localeOf(language)
  await i18n.use(initReactI18next).init({
    lng: language,
    fallbackLng: 'en',
    defaultNS: 'common',
    resources: { en: resourcesOf('en'), zh: resourcesOf('zh') },
    // React escapes what it renders.
    interpolation: { escapeValue: false },
    initAsync: false,
    showSupportNotice: false,
  })
}
