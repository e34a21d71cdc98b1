import { Button, CopyButton } from '@mantine/core'
import { IconCheck, IconCopy } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import classes from './components.module.css'
import { Panel } from './panel'

/** A command to copy, in a card. */
export function Snippet(props: { title: string; label: string; text: string; note: string }) {
  const { t } = useTranslation('common')
  return (
    <Panel
      title={props.title}
      aside={
        <CopyButton value={props.text} timeout={1500}>
          {({ copied, copy }) => (
            <Button
              size="compact-xs"
              variant="default"
              leftSection={
                copied ? <IconCheck size={14} stroke={1.6} /> : <IconCopy size={14} stroke={1.6} />
              }
              onClick={copy}
            >
              {t(copied ? 'copied' : 'copy')}
            </Button>
          )}
        </CopyButton>
      }
    >
      <section
        className={classes['code']}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        tabIndex={0}
        aria-label={props.label}
      >
        <pre>{props.text}</pre>
      </section>
      <div className={classes['codeNote']}>{props.note}</div>
    </Panel>
  )
}
