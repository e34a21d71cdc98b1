import { Select, Switch } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { numaNodesOf } from '../../../lib/devices'
import { useDevices } from '../../../lib/stores'
import type { RunOptions } from './remember'
import classes from './run-form.module.css'

const DEVICES = ['same', 'spread'] as const

/** How the devices of a job lie to each other, and whether more urgent jobs may interrupt it. */
export function PlacementOptions(props: {
  options: RunOptions
  change: (change: Partial<RunOptions>) => void
}) {
  const { t } = useTranslation('jobs')
  const { options, change } = props
  const { devices, numaNode } = options
  const known = numaNodesOf(useDevices((state) => state.items))
  // A node that has gone meanwhile stays what was chosen, and is seen.
  const nodes = typeof numaNode === 'number' && !known.includes(numaNode) ? [...known, numaNode] : known
  const setNode = (value: string | null) =>
    change({ numaNode: value === 'same' ? value : (nodes.find((node) => `${node}` === value) ?? null) })
  return (
    <>
      <div className={classes['fields']}>
        <Select
          label={t('run.devices')}
          placeholder={t('run.devicesOf.any')}
          clearable
          data={DEVICES.map((value) => ({ value, label: t(`run.devicesOf.${value}`) }))}
          value={devices}
          onChange={(value) => change({ devices: DEVICES.find((hint) => hint === value) ?? null })}
        />
        <Select
          label={t('run.numa')}
          placeholder={t('run.numaOf.any')}
          clearable
          data={[
            { value: 'same', label: t('run.numaOf.same') },
            ...nodes.map((node) => ({ value: `${node}`, label: t('run.numaOf.node', { node }) })),
          ]}
          value={numaNode === null ? null : `${numaNode}`}
          onChange={setNode}
        />
      </div>
      {options.kind !== 'benchmark' && (
        <Switch
          label={t('run.preemptible')}
          description={t('run.preemptibleHelp')}
          checked={options.preemptible}
          onChange={(event) => change({ preemptible: event.currentTarget.checked })}
        />
      )}
    </>
  )
}
