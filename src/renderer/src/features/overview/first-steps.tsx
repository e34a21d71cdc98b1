import { Button } from '@mantine/core'
import type { Principal } from '@shared/contract'
import { IconCheck, IconPackageImport } from '@tabler/icons-react'
import { type ReactNode, useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { DEVICE_COLOURS, ImportButton, Meter, Panel } from '../../components'
import { byKind } from '../../lib/devices'
import { formatBytes, formatNumber, formatPercent } from '../../lib/format'
import { localeOf, useLanguage } from '../../lib/i18n'
import { RouteLink } from '../../lib/router'
import { useDevices, useJobs, useModels } from '../../lib/stores'
import { useLatestSample } from '../../lib/telemetry'
import { usePrincipals } from './principals'
import classes from './overview.module.css'

const isApp = (principal: Principal) => principal.kind === 'app'

/** The first minutes: where to drop a model, what comes after it, and the machine it will run on. */
export function FirstSteps() {
  const { t } = useTranslation('overview')
  const models = useModels((state) => state.items)
  const jobs = useJobs((state) => state.items.size > 0)
  const principals = usePrincipals()
  const hasAlias = useMemo(() => [...models.values()].some((model) => model.aliases.length > 0), [models])
  return (
    <>
      <div className={classes['hero']}>
        <IconPackageImport size={36} stroke={1.3} aria-hidden="true" />
        <h2>{t('first.title')}</h2>
        <p>{t('first.text')}</p>
        <ImportButton size="sm" />
      </div>
      <div className={classes['first']}>
        <Panel title={t('first.steps')}>
          <ol className={classes['steps']}>
            <Step number={1} done={models.size > 0} title={t('first.import')} text={t('first.importText')} />
            <Step number={2} done={jobs} title={t('first.run')} text={t('first.runText')} />
            <Step number={3} done={hasAlias} title={t('first.alias')} text={t('first.aliasText')} />
            <Step
              number={4}
              done={principals.some(isApp)}
              title={t('first.app')}
              text={t('first.appText')}
              action={
                <Button component={RouteLink} to="/access" variant="default" size="compact-sm" fz="xs">
                  {t('first.open')}
                </Button>
              }
            />
          </ol>
        </Panel>
        <ThisMachine />
      </div>
    </>
  )
}

function Step(props: { number: number; done: boolean; title: string; text: string; action?: ReactNode }) {
  return (
    <li className={classes['step']} data-done={props.done || undefined}>
      <span className={classes['stepMark']} aria-hidden="true">
        {props.done ? <IconCheck size={14} stroke={2} /> : props.number}
      </span>
      <div>
        <strong>{props.title}</strong>
        <div className={classes['quiet']}>{props.text}</div>
      </div>
      {props.action}
    </li>
  )
}

function ThisMachine() {
  const { t } = useTranslation(['overview', 'common'])
  const locale = localeOf(useLanguage((state) => state.language))
  const items = useDevices((state) => state.items)
  const devices = useMemo(() => [...items.values()].sort(byKind), [items])
  return (
    <Panel title={t('overview:first.machine')}>
      <ul className={classes['machine']}>
        {devices.map((device) => {
          const { cpuCores, memoryBytes, gpuMemoryBytes } = device.capacity
          const facts = [
            cpuCores && `${formatNumber(cpuCores, locale)} ${t('common:resource.cpuCores')}`,
            memoryBytes && `${formatBytes(memoryBytes)} ${t('common:resource.memoryBytes')}`,
            gpuMemoryBytes && formatBytes(gpuMemoryBytes),
          ].filter(Boolean)
          return (
            <li key={device.id}>
              <div>
                <strong>{device.name}</strong>
                <div className={classes['quiet']}>{facts.join(' · ')}</div>
              </div>
              <Load device={device.id} colour={DEVICE_COLOURS[device.kind]} label={device.name} />
            </li>
          )
        })}
      </ul>
    </Panel>
  )
}

function Load(props: { device: string; colour: string; label: string }) {
  const sample = useLatestSample(props.device)
  if (!sample) return null
  return (
    <span className={classes['load']}>
      <Meter width={72} label={props.label} parts={[{ share: sample.load, colour: props.colour }]} />
      {formatPercent(sample.load)}
    </span>
  )
}
