import type { JsonTensor } from '@shared/domain/tensor'
import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { Mono } from '../../components'
import { type Element, elementText, type TensorView, viewTensor } from '../../lib/tensor-view'
import classes from './jobs.module.css'

/** A vector: each value with its index, the largest marked. */
function Cells({ values, largest }: { values: readonly Element[]; largest: number | undefined }) {
  return (
    <div className={classes['cells']}>
      {values.map((value, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the index is what an element is
        <div key={index} data-largest={index === largest || undefined}>
          <span>{index}</span>
          <span title={String(value)}>{elementText(value)}</span>
        </div>
      ))}
    </div>
  )
}

function Matrix({ view, name }: { view: TensorView; name: string }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section className={classes['matrix']} tabIndex={0} aria-label={name}>
      <table>
        <tbody>
          {view.grid.map((row, y) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: the index is what a row is
            <tr key={y}>
              {row.map((value, x) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: the index is what a cell is
                <td key={x} title={String(value)}>
                  {elementText(value)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

/** One output: its form, what stands out, its first values. */
export function TensorBlock({ name, tensor }: { name: string; tensor: JsonTensor }) {
  const { t } = useTranslation('jobs')
  const view = useMemo(() => viewTensor(tensor), [tensor])
  const shape = view.shape.length === 0 ? t('result.scalar') : `[${view.shape.join(', ')}]`
  const flat = view.grid.length <= 1 || view.shape.filter((size) => size > 1).length <= 1
  return (
    <div className={classes['tensor']}>
      <div className={classes['tensorHead']}>
        <span className={classes['tensorName']}>{name}</span>
        <Mono dimmed>
          {view.dtype} {shape}
        </Mono>
      </div>
      {view.argmax && (
        <div>
          {t('result.argmax')} <strong>{view.argmax.index}</strong>: {elementText(view.argmax.value)}
        </div>
      )}
      {view.grid.length > 0 &&
        (flat ? (
          <Cells values={view.grid.flat()} largest={view.argmax?.index} />
        ) : (
          <Matrix view={view} name={name} />
        ))}
      <div className={classes['aside']}>
        {t('result.elements', { count: view.count })}
        {view.range && view.count > 1 && (
          <>
            {' · '}
            {t('result.range', {
              min: elementText(view.range.min),
              mean: elementText(view.range.mean),
              max: elementText(view.range.max),
            })}
          </>
        )}
        {view.cut && <div>{t('result.cut')}</div>}
        {view.oddCount > 0 && (
          <div className={classes['error']}>{t('result.odd', { count: view.oddCount })}</div>
        )}
      </div>
    </div>
  )
}
