import { Button, FileButton, NumberInput, SegmentedControl, Slider, TextInput } from '@mantine/core'
import { IconFile } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { MAX_ITEMS } from './build-inputs'
import { GpuOptions } from './gpu-options'
import { PlacementOptions } from './placement-options'
import type { RunOptions } from './remember'
import classes from './run-form.module.css'

type Change = (change: Partial<RunOptions>) => void

/** A whole number within bounds; what is not one yet is not passed on. */
function Whole(props: {
  label: string
  description?: string
  value: number
  min: number
  max: number
  onChange: (value: number) => void
}) {
  const { onChange, ...rest } = props
  return (
    <NumberInput
      {...rest}
      allowDecimal={false}
      clampBehavior="blur"
      onChange={(value) => {
        if (typeof value === 'number' && value >= props.min && value <= props.max) onChange(value)
      }}
    />
  )
}

/** Where the items of a batch come from. */
export interface ItemsSource {
  from: 'rule' | 'file' | 'data'
  file: { name: string; text: string; count: number } | null
}

export function BatchOptions(props: {
  options: RunOptions
  change: Change
  source: ItemsSource
  onSource: (from: ItemsSource['from']) => void
  onFile: (file: File) => void
  /** Chooses the data set. */
  children: ReactNode
}) {
  const { t } = useTranslation('jobs')
  const { options, change, source } = props
  return (
    <div className={classes['group']}>
      <h3 className={classes['groupTitle']}>{t('run.items')}</h3>
      <SegmentedControl
        fullWidth
        aria-label={t('run.items')}
        data={[
          { value: 'rule', label: t('run.itemsGenerated') },
          { value: 'file', label: t('run.itemsFile') },
          { value: 'data', label: t('run.itemsData') },
        ]}
        value={source.from}
        onChange={props.onSource}
      />
      {source.from === 'data' && props.children}
      {source.from === 'file' && (
        <div className={classes['fileRow']}>
          <FileButton accept=".json" onChange={(file) => file && props.onFile(file)}>
            {(button) => (
              <Button {...button} variant="default" leftSection={<IconFile size={15} stroke={1.6} />}>
                {t('run.chooseItems')}
              </Button>
            )}
          </FileButton>
          {source.file && (
            <span title={source.file.name}>
              {t('run.itemsRead', { count: source.file.count, name: source.file.name })}
            </span>
          )}
        </div>
      )}
      <div className={classes['fields']}>
        {source.from === 'rule' && (
          <Whole
            label={t('run.count')}
            description={t('run.countHelp')}
            value={options.count}
            min={1}
            max={MAX_ITEMS}
            onChange={(count) => change({ count })}
          />
        )}
        <Whole
          label={t('run.batchSize')}
          description={t('run.batchSizeHelp')}
          value={options.batchSize}
          min={1}
          max={4096}
          onChange={(batchSize) => change({ batchSize })}
        />
      </div>
    </div>
  )
}

export function BenchmarkOptions({ options, change }: { options: RunOptions; change: Change }) {
  const { t } = useTranslation('jobs')
  return (
    <div className={classes['fields']}>
      <Whole
        label={t('run.iterations')}
        value={options.iterations}
        min={1}
        max={1_000_000}
        onChange={(iterations) => change({ iterations })}
      />
      <Whole
        label={t('run.warmup')}
        value={options.warmup}
        min={0}
        max={10_000}
        onChange={(warmup) => change({ warmup })}
      />
      <NumberInput
        label={t('run.threads')}
        placeholder={t('run.threadsAuto')}
        min={1}
        max={256}
        allowDecimal={false}
        value={options.threads ?? ''}
        onChange={(value) => change({ threads: typeof value === 'number' && value >= 1 ? value : null })}
      />
    </div>
  )
}

/** Name, priority, and what is seldom needed. */
export function CommonOptions(props: {
  name: string
  onName: (name: string) => void
  options: RunOptions
  change: Change
}) {
  const { t } = useTranslation('jobs')
  const { options, change } = props
  const setPriority = (value: number | string) => {
    if (typeof value === 'number' && value >= 0 && value <= 100) change({ priority: Math.round(value) })
  }
  return (
    <>
      <div className={classes['priority']}>
        <span>{t('run.priority')}</span>
        <Slider
          size="sm"
          min={0}
          max={100}
          step={5}
          label={null}
          thumbLabel={t('run.priority')}
          value={options.priority}
          onChange={setPriority}
        />
        <NumberInput
          hideControls
          aria-label={t('run.priority')}
          min={0}
          max={100}
          allowDecimal={false}
          value={options.priority}
          onChange={setPriority}
        />
      </div>
      <div className={classes['fields']}>
        <GpuOptions choice={options} change={change} />
      </div>
      <details className={classes['advanced']}>
        <summary>{t('run.advanced')}</summary>
        <div className={classes['fields']}>
          <TextInput
            label={t('run.name')}
            placeholder={t('run.namePlaceholder')}
            maxLength={120}
            value={props.name}
            onChange={(event) => props.onName(event.currentTarget.value)}
          />
          <NumberInput
            label={t('run.timeout')}
            placeholder={t('run.timeoutNone')}
            min={0.001}
            max={604_800}
            value={options.timeoutSeconds ?? ''}
            onChange={(value) =>
              change({ timeoutSeconds: typeof value === 'number' && value > 0 ? value : null })
            }
          />
          <Whole
            label={t('run.attempts')}
            value={options.maxAttempts}
            min={1}
            max={20}
            onChange={(maxAttempts) => change({ maxAttempts })}
          />
        </div>
        {options.kind === 'infer' && (
          <NumberInput
            label={t('run.latencyTarget')}
            description={t('run.latencyTargetHelp')}
            placeholder={t('run.latencyTargetNone')}
            min={1}
            max={600_000}
            step={10}
            suffix=" ms"
            allowDecimal={false}
            clampBehavior="strict"
            value={options.latencyTargetMs ?? ''}
            onChange={(value) => change({ latencyTargetMs: typeof value === 'number' ? value : null })}
          />
        )}
        <PlacementOptions options={options} change={change} />
      </details>
    </>
  )
}
