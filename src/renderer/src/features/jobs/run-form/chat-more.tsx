import { NumberInput, TagsInput } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import type { ChatOptions } from './chat-options'
import classes from './run-form.module.css'

interface ChatMoreProps {
  options: ChatOptions
  onChange(options: ChatOptions): void
}

/** What is seldom set when a model writes: where it ends, how it chooses, how much it keeps in mind, how often it writes. */
export function ChatMore({ options, onChange }: ChatMoreProps) {
  const { t } = useTranslation('jobs')
  const change = (part: Partial<ChatOptions>) => onChange({ ...options, ...part })
  return (
    <details className={classes['advanced']}>
      <summary>{t('chat.more')}</summary>
      <div className={classes['fields']}>
        <NumberInput
          label={t('chat.topP')}
          description={t('chat.topPHelp')}
          placeholder="0.95"
          min={0.01}
          max={1}
          step={0.05}
          value={options.topP}
          onChange={(topP) => change({ topP })}
        />
        <NumberInput
          label={t('chat.topK')}
          description={t('chat.topKHelp')}
          placeholder="40"
          min={0}
          max={1000}
          allowDecimal={false}
          value={options.topK}
          onChange={(topK) => change({ topK })}
        />
        <NumberInput
          label={t('chat.contextSize')}
          description={t('chat.contextSizeHelp')}
          placeholder={t('chat.contextSizeOwn')}
          min={16}
          max={1_048_576}
          allowDecimal={false}
          value={options.contextSize}
          onChange={(contextSize) => change({ contextSize })}
        />
        <NumberInput
          label={t('chat.completions')}
          description={t('chat.completionsHelp')}
          placeholder="1"
          min={1}
          max={16}
          allowDecimal={false}
          value={options.completions}
          onChange={(completions) => change({ completions })}
        />
      </div>
      <div>
        <TagsInput
          label={t('chat.stopWords')}
          description={t('chat.stopWordsHelp')}
          maxTags={16}
          maxLength={200}
          splitChars={[]}
          acceptValueOnBlur
          value={options.stop}
          onChange={(stop) => change({ stop })}
        />
      </div>
    </details>
  )
}
