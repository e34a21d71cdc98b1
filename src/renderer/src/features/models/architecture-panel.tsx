import { Select } from '@mantine/core'
import type { ModelVersion } from '@shared/contract'
import { useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Panel } from '../../components'
import { getClient } from '../../lib/client'
import { type ErrorView, toErrorView } from '../../lib/errors'
import { useModels } from '../../lib/stores'
import classes from './models.module.css'

/** Which TorchScript version lends its graph to bare weights; a refusal says which names and shapes do not fit. */
export function ArchitecturePanel({ version }: { version: ModelVersion }) {
  const { t } = useTranslation('models')
  const models = useModels((state) => state.items)
  const [refusal, setRefusal] = useState<{ chosen: string; error: ErrorView } | null>(null)
  const { architecture } = version
  const choices = useMemo(() => {
    const graphs = [...models.values()]
      .filter(({ format }) => format === 'torchscript')
      .flatMap(({ name, versions }) => versions.map((number) => `${name}@${number}`))
    return architecture === null || graphs.includes(architecture) ? graphs : [architecture, ...graphs]
  }, [models, architecture])

  async function choose(chosen: string | null): Promise<void> {
    setRefusal(null)
    try {
      const { model: name, version: number } = version
      await getClient().storage.models.annotate({ name, version: number, architecture: chosen })
    } catch (error) {
      setRefusal({ chosen: chosen ?? '', error: toErrorView(error) })
    }
  }
  return (
    <Panel title={t('architecture.title')}>
      <div className={classes['form']}>
        <Select
          aria-label={t('architecture.title')}
          placeholder={t(choices.length > 0 ? 'architecture.choose' : 'architecture.none')}
          disabled={choices.length === 0}
          searchable
          clearable
          data={choices}
          value={architecture}
          onChange={(value) => void choose(value)}
        />
        {refusal && (
          <div className={classes['refused']} role="alert">
            {refusal.error.message}
          </div>
        )}
        <div className={classes['note']}>{t('architecture.text')}</div>
      </div>
    </Panel>
  )
}
