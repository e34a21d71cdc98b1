import { Anchor, Button, TextInput } from '@mantine/core'
import type { Import, Job } from '@shared/contract'
import { ModelName } from '@shared/domain/references'
import { IconTablePlus } from '@tabler/icons-react'
import { type FormEvent, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { create } from 'zustand'
import { StateDot, SubmitButton, Transfer } from '../../components'
import { getClient } from '../../lib/client'
import { toErrorView } from '../../lib/errors'
import { pathTo, RouteLink } from '../../lib/router'
import { useDatasets, useImports } from '../../lib/stores'
import { codedWords } from '../../lib/words'
import { resultsName } from './job-words'
import classes from './jobs.module.css'
import { Section } from './section'

/** Which import keeps the results of which job, as far as this window began it: the detail of a job comes and goes. */
const useKept = create<{ imports: ReadonlyMap<string, Import> }>(() => ({ imports: new Map() }))

function remember(job: string, started: Import | null): void {
  useKept.setState(({ imports }) => {
    const next = new Map(imports)
    if (started) next.set(job, started)
    else next.delete(job)
    return { imports: next }
  })
}

function KeepForm({ job }: { job: Job }) {
  const { t } = useTranslation('jobs')
  const [name, setName] = useState(() => resultsName(job))
  const [error, setError] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)
  const present = useDatasets((state) => state.items.get(name))
  const valid = ModelName.safeParse(name).success

  async function keep(): Promise<void> {
    setBusy(true)
    setError(null)
    try {
      remember(job.id, await getClient().compute.jobs.saveDataset({ id: job.id, name }))
    } catch (refused) {
      setError(toErrorView(refused).message)
      setBusy(false)
    }
  }
  const onSubmit = (event: FormEvent) => {
    event.preventDefault()
    if (valid) void keep()
  }
  return (
    <form className={classes['keep']} onSubmit={onSubmit} aria-label={t('keep.title')}>
      <TextInput
        label={t('keep.name')}
        maxLength={64}
        value={name}
        description={present && t('keep.next', { name, version: Math.max(...present.versions) + 1 })}
        error={error ?? (valid ? undefined : t('keep.invalid'))}
        onChange={(event) => {
          setName(event.currentTarget.value.toLowerCase())
          setError(null)
        }}
      />
      <SubmitButton
        variant="default"
        busy={busy}
        disabled={!valid}
        leftSection={<IconTablePlus size={15} stroke={1.6} />}
      >
        {t('keep.submit')}
      </SubmitButton>
    </form>
  )
}

/** How the keeping goes, or how it ended. */
function Keeping({ job, item }: { job: Job; item: Import }) {
  const { t } = useTranslation('jobs')
  const { dataset, version, state } = item
  const another = (
    <Button variant="default" size="compact-xs" onClick={() => remember(job.id, null)}>
      {t('keep.another')}
    </Button>
  )
  if (state === 'completed' && dataset !== null && version !== null)
    return (
      <div className={classes['kept']}>
        <StateDot state="succeeded" quiet />
        <Anchor component={RouteLink} size="sm" to={pathTo('data', dataset, version)}>
          {t(item.known ? 'keep.known' : 'keep.kept', { name: dataset, version })}
        </Anchor>
        {another}
      </div>
    )
  if (state === 'running')
    return (
      <Transfer
        label={t('keep.writing', { name: item.source })}
        bytesDone={item.bytesDone}
        bytesTotal={item.bytesTotal}
        atEnd={t('keep.checking')}
      />
    )
  if (state === 'waiting') return <div className={classes['aside']}>{t('keep.waits')}</div>
  if (state === 'cancelled')
    return (
      <>
        <div className={classes['aside']}>{t('keep.discarded')}</div>
        <div>{another}</div>
      </>
    )
  const why = item.findings.find(({ severity }) => severity === 'reject') ?? item.error
  const reason = why ? codedWords(why) : ''
  return (
    <>
      <div className={classes['error']} role="alert">
        {t('keep.failed', { reason })}
      </div>
      <div>{another}</div>
    </>
  )
}

/** Makes the results of a batch a data set, and shows where it is. */
export function KeepResults({ job }: { job: Job }) {
  const { t } = useTranslation('jobs')
  const started = useKept((state) => state.imports.get(job.id))
  const live = useImports((state) => (started ? state.items.get(started.id) : undefined))
  const item = live ?? started
  return (
    <Section title={t('keep.title')}>
      <div className={classes['aside']}>{t('keep.text')}</div>
      {item ? <Keeping job={job} item={item} /> : <KeepForm key={job.id} job={job} />}
    </Section>
  )
}
