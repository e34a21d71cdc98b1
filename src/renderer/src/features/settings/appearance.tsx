import { SegmentedControl, Select, useMantineColorScheme } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { Panel } from '../../components'
import { LANGUAGES, type LanguageChoice, languageOf, useLanguage } from '../../lib/i18n'
import classes from './settings.module.css'

const CHOICES: readonly LanguageChoice[] = ['auto', 'en', 'zh']
const SCHEMES = ['auto', 'light', 'dark'] as const

/** Language and theme, remembered on this machine. */
export function Appearance() {
  const { t } = useTranslation('settings')
  const { choice, choose } = useLanguage()
  const { colorScheme, setColorScheme } = useMantineColorScheme()
  const system = LANGUAGES[languageOf('auto', navigator.languages)]
  return (
    <Panel title={t('appearance')}>
      <div className={classes['form']}>
        <Select
          label={t('language')}
          allowDeselect={false}
          value={choice}
          onChange={(value) => {
            const next = CHOICES.find((candidate) => candidate === value)
            if (next) choose(next)
          }}
          data={CHOICES.map((value) => ({
            value,
            label: value === 'auto' ? t('languageAuto', { language: system }) : LANGUAGES[value],
          }))}
        />
        <div>
          <div className={classes['label']} id="theme-label">
            {t('theme')}
          </div>
          <SegmentedControl
            fullWidth
            aria-labelledby="theme-label"
            value={colorScheme}
            onChange={(value) => {
              const next = SCHEMES.find((candidate) => candidate === value)
              if (next) setColorScheme(next)
            }}
            data={SCHEMES.map((value) => ({ value, label: t(value) }))}
          />
        </div>
      </div>
    </Panel>
  )
}
