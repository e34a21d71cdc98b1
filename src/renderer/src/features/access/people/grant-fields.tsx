import { Button, Checkbox, MultiSelect } from '@mantine/core'
import type { ModelSummary } from '@shared/contract'
import type { TFunction } from 'i18next'
import { useMemo, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { Mono } from '../../../components'
import { useList } from '../../../lib/live'
import { useModels } from '../../../lib/stores'
import classes from '../access.module.css'
import { CedarField, type CedarFieldHandle } from '../cedar/cedar-field'
import type { Validation } from '../cedar/use-validation'
import { Problems, ValidationState } from '../cedar/validation-view'
import { type Grant, grantsAnything } from '../cedar/write-policy'

/** A grant in words, for the head of its policy and its description. */
export function grantWords(t: TFunction<'access'>, name: string, grant: Grant): string {
  const parts = [
    ...(grant.models.length > 0 ? [t('grant.aboutRun', { models: grant.models.join(', ') })] : []),
    ...(grant.models.length > 0 && grant.readModels ? [t('grant.aboutRead')] : []),
    ...(grant.listModels ? [t('grant.aboutList')] : []),
    ...(grant.submitJobs ? [t('grant.aboutSubmit')] : []),
  ]
  return t('grant.about', { name, what: parts.join(t('policies.listSeparator')) })
}

const byName = (a: ModelSummary, b: ModelSummary) => (a.name < b.name ? -1 : 1)

function useModelChoices(t: TFunction<'access'>) {
  const models = useList(useModels, byName)
  return useMemo(
    () =>
      models.map(({ name, aliases, versions }) => ({
        group: name,
        items: [
          ...aliases.map(({ alias, version }) => ({
            value: `${name}@${alias}`,
            label: t('grant.aliasItem', { name, alias, version }),
          })),
          { value: name, label: t('grant.wholeItem', { name }) },
          ...[...versions]
            .reverse()
            .map((version) => ({ value: `${name}@${version}`, label: `${name}@${version}` })),
        ],
      })),
    [models, t],
  )
}

/** What a principal may do: models to run and three more, and the policy that says so, which may be edited. */
export function GrantFields(props: {
  grant: Grant
  onGrant: (grant: Grant) => void
  policyId: string
  text: string
  /** Null: made from the choices. */
  edited: boolean
  onText: (text: string | null) => void
  validation: Validation
  /** What is said while nothing is chosen. */
  whenNothing?: string
}) {
  const { t } = useTranslation('access')
  const { grant, onGrant } = props
  const choices = useModelChoices(t)
  const field = useRef<CedarFieldHandle>(null)
  const any = grantsAnything(grant) || props.edited
  return (
    <>
      <MultiSelect
        label={t('grant.models')}
        description={choices.length === 0 ? t('grant.noModels') : t('grant.modelsHelp')}
        placeholder={grant.models.length === 0 ? t('grant.modelsPlaceholder') : ''}
        data={choices}
        value={[...grant.models]}
        onChange={(models) => onGrant({ ...grant, models })}
        disabled={choices.length === 0}
        searchable
        clearable
        limit={80}
        maxDropdownHeight={260}
        nothingFoundMessage={t('grant.nothingFits')}
        comboboxProps={{ transitionProps: { duration: 80 } }}
      />
      <Checkbox
        label={t('grant.readModels')}
        checked={grant.readModels && grant.models.length > 0}
        disabled={grant.models.length === 0}
        onChange={(event) => onGrant({ ...grant, readModels: event.currentTarget.checked })}
      />
      <Checkbox
        label={t('grant.listModels')}
        checked={grant.listModels}
        onChange={(event) => onGrant({ ...grant, listModels: event.currentTarget.checked })}
      />
      <Checkbox
        label={t('grant.submitJobs')}
        checked={grant.submitJobs}
        onChange={(event) => onGrant({ ...grant, submitJobs: event.currentTarget.checked })}
      />
      {any ? (
        <div className={classes['preview']}>
          <div className={classes['previewHead']}>
            <span>{t('grant.policy')}</span>
            <ValidationState validation={props.validation} />
          </div>
          <CedarField
            label={t('editor.text')}
            value={props.text}
            onChange={props.onText}
            problems={props.validation.problems}
            lines={Math.min(8, Math.max(6, props.text.split('\n').length))}
            handle={field}
          />
          <Problems validation={props.validation} field={field} />
          <div className={classes['previewHead']}>
            <span className={classes['small']}>
              {t('grant.savedAs')} <Mono>{props.policyId}</Mono>
            </span>
            {props.edited && (
              <Button variant="subtle" color="gray" size="compact-xs" onClick={() => props.onText(null)}>
                {t('grant.regenerate')}
              </Button>
            )}
          </div>
          <div className={classes['small']}>{props.edited ? t('grant.edited') : t('grant.policyHint')}</div>
        </div>
      ) : (
        props.whenNothing && <div className={classes['small']}>{props.whenNothing}</div>
      )}
    </>
  )
}
