import { Button } from '@mantine/core'
import type { Principal } from '@shared/contract'
import { entriesOf } from '@shared/domain/resources'
import { IconCheck, IconPackageImport } from '@tabler/icons-react'
import { type ReactNode, useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { DEVICE_COLOURS, Meter, Panel } from '../../components'
import { byKind } from '../../lib/devices'
import { formatPercent } from '../../lib/format'
import { useMachineOffer } from '../../lib/rights'
import { pathTo, RouteLink } from '../../lib/router'
import { useDevices, useJobs, useModels } from '../../lib/stores'
import { useLatestSample } from '../../lib/telemetry'
import { amountWords } from '../../lib/words'
import { ImportButton } from '../imports'
import classes from './overview.module.css'
import { usePrincipals } from './principals'

const isApp = (principal: Principal) => principal.kind === 'app'

/** The first minutes: where to drop a model, what comes after it, and the machine it will run on. */
export function FirstSteps() {
  const { t } = useTranslation('overview')
  return (
    <>
      <div className={classes['hero']}>
        <IconPackageImport size={36} stroke={1.3} aria-hidden="true" />
        <h2>{t('first.title')}</h2>
        <p>{t('first.text')}</p>
        <ImportButton size="sm" />
      </div>
      <div className={classes['first']}>
        <Steps />
        <ThisMachine />
      </div>
    </>
  )
}

/** From the first model to the first app, with what is done already; it stays until something has run. */
export function Steps() {
  const { t } = useTranslation('overview')
  const models = useModels((state) => state.items)
  const ran = useJobs((state) => state.items.size > 0)
  const principals = usePrincipals()
  const aliased = useMemo(() => [...models.values()].some((model) => model.aliases.length > 0), [models])
  const mayImport = !useMachineOffer('model.import').disabled
  const [first] = models.values()
  const modelPath = first && pathTo('models', first.name)
  const open = (to: string) => (
    <Button component={RouteLink} to={to} variant="default" size="compact-sm" fz="xs">
      {t('first.open')}
    </Button>
  )
  return (
    <Panel title={t('first.steps')}>
      <ol className={classes['steps']}>
        <Step
          number={1}
          done={models.size > 0}
          title={t('first.import')}
          text={t(mayImport ? 'first.importText' : 'first.importAsk')}
        />
        <Step
          number={2}
          done={ran}
          title={t('first.run')}
          text={t('first.runText')}
          action={
            modelPath && (
              <Button component={RouteLink} to={modelPath} size="compact-sm" fz="xs">
                {t('first.open')}
              </Button>
            )
          }
        />
        <Step
          number={3}
          done={aliased}
          title={t('first.alias')}
          text={t('first.aliasText')}
          action={modelPath && open(modelPath)}
        />
        <Step
          number={4}
          done={principals.some(isApp)}
          title={t('first.app')}
          text={t('first.appText')}
          action={open('/access')}
        />
      </ol>
    </Panel>
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
      {!props.done && props.action}
    </li>
  )
}

function ThisMachine() {
  const { t } = useTranslation(['overview', 'common'])
  const items = useDevices((state) => state.items)
  const devices = useMemo(() => [...items.values()].sort(byKind), [items])
  return (
    <Panel title={t('overview:first.machine')}>
      <ul className={classes['machine']}>
        {devices.map((device) => {
          const facts = entriesOf(device.capacity).map(([name, value]) => amountWords({ [name]: value }))
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
