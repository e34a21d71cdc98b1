import { useVirtualizer } from '@tanstack/react-virtual'
import { useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { useWidth } from '../../components'
import { Thumbnail } from './cell-view'
import { cellOf } from './cells'
import classes from './data.module.css'
import type { Rows } from './use-rows'

/** At least, with the gap to the next. */
const TILE = 104
const GAP = 8
const TILE_HEIGHT = 112

/** Thumbnails side by side with their labels, only those in sight. */
export function Gallery({ rows, of }: { rows: Rows; of: { name: string; version: number } }) {
  const { t } = useTranslation('data')
  const scroller = useRef<HTMLDivElement>(null)
  const width = useWidth(scroller)
  const across = Math.max(1, Math.floor((width + GAP) / TILE))
  const { source, onSight } = rows
  const virtualizer = useVirtualizer({
    count: Math.ceil(source.length / across),
    getScrollElement: () => scroller.current,
    estimateSize: () => TILE_HEIGHT,
    overscan: 2,
  })
  const lines = virtualizer.getVirtualItems()
  const [first, last] = [lines.at(0)?.index, lines.at(-1)?.index]
  useEffect(() => {
    if (width > 0 && first !== undefined && last !== undefined)
      onSight(first * across, (last + 1) * across - 1)
  }, [width, first, last, across, onSight])
  return (
    <section
      ref={scroller}
      className={classes['gallery']}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
      tabIndex={0}
      aria-label={t('rows.pictures')}
    >
      <div style={{ height: virtualizer.getTotalSize() }}>
        {lines.map(({ index, start }) => (
          <div
            key={index}
            className={classes['tiles']}
            style={{ '--across': across, transform: `translateY(${start}px)` }}
          >
            {Array.from({ length: Math.min(across, source.length - index * across) }, (_, place) => {
              const row = source.at(index * across + place)
              const image = cellOf(row?.cells, 'image')
              const label = cellOf(row?.cells, 'label')
              const path = typeof image === 'string' ? image : null
              const text = typeof label === 'string' ? label : (path ?? '')
              return (
                <figure key={row?.index} className={classes['tile']} title={path ?? undefined}>
                  {path === null ? <span className={classes['thumb']} /> : <Thumbnail of={of} path={path} />}
                  <figcaption>{text || '\u00a0'}</figcaption>
                </figure>
              )
            })}
          </div>
        ))}
      </div>
    </section>
  )
}
