import i18next from 'i18next'
import { create } from 'zustand'
import { readSetting, writeSetting } from './local-settings'

/** The one i18next of the window; `app/i18n.ts` gives it the texts before the first render. */
export const i18n = i18next

export const LANGUAGES = { en: 'English', zh: '简体中文' } as const
export type Language = keyof typeof LANGUAGES
export type LanguageChoice = Language | 'auto'

type TextTree = { [key: string]: string | TextTree }
/** The same keys with any words. */
type SameKeys<Tree extends TextTree> = {
  [Key in keyof Tree]: Tree[Key] extends TextTree ? SameKeys<Tree[Key]> : string
}

/** Texts of one feature in every language; a key that is missing in one does not compile. */
export function defineTexts<Tree extends TextTree>(texts: {
  en: Tree
  zh: SameKeys<Tree>
}): {
  en: Tree
  zh: SameKeys<Tree>
} {
  return texts
}

function isChoice(value: string | null): value is LanguageChoice {
  return value === 'auto' || value === 'en' || value === 'zh'
}

/** The language that a choice means on this machine. */
export function languageOf(choice: LanguageChoice, system: readonly string[]): Language {
  if (choice !== 'auto') return choice
  for (const tag of system) {
    if (tag.toLowerCase().startsWith('zh')) return 'zh'
    if (tag.toLowerCase().startsWith('en')) return 'en'
  }
  return 'en'
}

interface LanguageState {
  choice: LanguageChoice
  language: Language
  choose(choice: LanguageChoice): void
}

const stored = readSetting('language')
const first: LanguageChoice = isChoice(stored) ? stored : 'auto'

/** What a person chose, and the language that is. */
export const useLanguage = create<LanguageState>((set) => ({
  choice: first,
  language: languageOf(first, navigator.languages),
  choose(choice) {
    writeSetting('language', choice)
    const language = languageOf(choice, navigator.languages)
    set({ choice, language })
    document.documentElement.lang = localeOf(language)
    void i18n.changeLanguage(language)
  },
}))

/** The tag for `Intl` and `<html lang>`. */
export function localeOf(language: Language): string {
  return language === 'zh' ? 'zh-CN' : 'en'
}
