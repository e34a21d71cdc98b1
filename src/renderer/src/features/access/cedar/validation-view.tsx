import type { RefObject } from 'react'
import { useTranslation } from 'react-i18next'
import { StateDot } from '../../../components'
import classes from '../access.module.css'
import type { CedarFieldHandle } from './cedar-field'
import type { Validation } from './use-validation'

/** One word for how a text stands. */
export function ValidationState({ validation }: { validation: Validation }) {
  const { t } = useTranslation('access')
  const { state, problems } = validation
  return (
    <span role="status">
      {state === 'empty' && <StateDot state="idle" label={t('editor.empty')} />}
      {state === 'checking' && <StateDot state="idle" label={t('editor.checking')} />}
      {state === 'valid' && <StateDot state="ok" label={t('editor.valid')} />}
      {state === 'invalid' && (
        <StateDot state="failed" label={t('editor.problems', { count: problems.length })} />
      )}
      {state === 'unknown' && <StateDot state="warn" label={t('editor.notChecked')} />}
    </span>
  )
}

/** What is wrong with a text and where; a click goes there. */
export function Problems(props: { validation: Validation; field: RefObject<CedarFieldHandle | null> }) {
  const { t } = useTranslation('access')
  const { problems, error } = props.validation
  if (error) return <div className={classes['small']}>{error.message}</div>
  if (problems.length === 0) return null
  return (
    <ul className={classes['problems']}>
      {problems.map(({ message, line, column }) => (
        <li key={`${line}:${column}:${message}`}>
          <button
            type="button"
            className={classes['problem']}
            onClick={() => props.field.current?.goTo(line ?? 1, column ?? 1)}
          >
            <span>
              {line === null ? t('editor.somewhere') : t('editor.at', { line, column: column ?? 1 })}
            </span>
            <span>{message}</span>
          </button>
        </li>
      ))}
    </ul>
  )
}
