import { ACTION_NAMES, ACTIONS, type Action, type ResourceType } from '@shared/domain/actions'
import { Fragment } from 'react'
import { useTranslation } from 'react-i18next'
import classes from '../access.module.css'
import { actionWords } from '../policy-words'

const TYPES: readonly ResourceType[] = ['ModelRef', 'Model', 'Dataset', 'Job', 'Lease', 'Import', 'System']
const STATEMENT =
  'permit (\n  principal == App::"…",\n  action == Action::"model.run",\n  resource == ModelRef::"…"\n);'

function actionsAbout(type: ResourceType): Action[] {
  return ACTION_NAMES.filter((action) => ACTIONS[action] === type)
}

/** The words of the policy language that this system knows; a click puts one into the text. */
export function CheatSheet({ onInsert }: { onInsert: ((text: string) => void) | null }) {
  const { t } = useTranslation('access')
  const piece = (text: string) =>
    onInsert ? (
      <button type="button" className={classes['piece']} onClick={() => onInsert(text)}>
        {text}
      </button>
    ) : (
      <code className={classes['piece']} data-plain>
        {text}
      </code>
    )
  const rows = (entries: readonly (readonly [code: string, words: string])[]) =>
    entries.map(([code, words]) => (
      <Fragment key={code}>
        {piece(code)}
        <span className={classes['small']}>{words}</span>
      </Fragment>
    ))
  return (
    <details className={classes['sheet']}>
      <summary>{t('sheet.title')}</summary>
      {onInsert && <div className={classes['small']}>{t('sheet.hint')}</div>}
      <div className={classes['sheetBody']}>
        <h3 className={classes['sheetHead']}>{t('sheet.shape')}</h3>
        <pre className={classes['code']} style={{ gridColumn: '1 / -1' }}>
          {STATEMENT}
        </pre>
        <h3 className={classes['sheetHead']}>{t('sheet.who')}</h3>
        {rows([
          ['principal == App::"notes-app"', t('sheet.whoApp')],
          ['principal == User::"marie"', t('sheet.whoPerson')],
          ['principal in Role::"app"', t('sheet.whoRole')],
          ['principal', t('sheet.whoAny')],
        ])}
        <h3 className={classes['sheetHead']}>{t('sheet.what')}</h3>
        {rows([
          ['resource in Model::"silero-vad"', t('sheet.resources.whole')],
          ['resource == ModelRef::"silero-vad@production"', t('sheet.resources.alias')],
          ['resource == ModelRef::"silero-vad@3"', t('sheet.resources.version')],
          ['when { resource.owner == principal.id }', t('sheet.resources.own')],
        ])}
        {TYPES.map((type) => (
          <Fragment key={type}>
            <h3 className={classes['sheetHead']}>
              {type}: {t(`sheet.about.${type}`)}
            </h3>
            {rows(actionsAbout(type).map((action) => [`Action::"${action}"`, actionWords(t, action)]))}
          </Fragment>
        ))}
      </div>
    </details>
  )
}
