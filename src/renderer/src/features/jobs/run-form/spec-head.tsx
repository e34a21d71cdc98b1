import type { TensorSpec } from '@shared/domain/tensor'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { Mono } from '../../../components'
import { isScalar, shapeText } from './form-model'
import classes from './run-form.module.css'

/** An input as the model declares it: its name, type and shape. */
export function SpecHead({ spec, children }: { spec: TensorSpec; children?: ReactNode }) {
  const { t } = useTranslation('jobs')
  return (
    <div className={classes['inputHead']}>
      <span className={classes['inputName']}>{spec.name}</span>
      <Mono dimmed>
        {spec.dtype} {isScalar(spec) ? t('run.scalar') : shapeText(spec.shape)}
      </Mono>
      {children}
    </div>
  )
}
