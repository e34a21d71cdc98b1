import type { Column, ShownCell } from '@shared/contract'
import { IconPhotoOff } from '@tabler/icons-react'
import { memo, useEffect, useMemo, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { cellText, wholeText } from './cells'
import classes from './data.module.css'
import { pictureOf } from './tensor-picture'
import { useThumbnail } from './thumbnails'

interface Of {
  name: string
  version: number
}

/** An image of a data set, small; a mark where it cannot be shown. */
export function Thumbnail({ of, path }: { of: Of; path: string }) {
  const { t } = useTranslation('data')
  const url = useThumbnail(of.name, of.version, path)
  if (url === 'missing')
    return (
      <span className={classes['thumb']} title={t('rows.noPicture')}>
        <IconPhotoOff size={18} stroke={1.4} aria-label={t('rows.noPicture')} />
      </span>
    )
  return <span className={classes['thumb']}>{url && <img src={url} alt={path} />}</span>
}

/** A small tensor as the picture that it may be. */
function TensorPicture({ cell, label }: { cell: ShownCell; label: string }) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const picture = useMemo(
    () => (typeof cell === 'object' && cell !== null && !('head' in cell) ? pictureOf(cell) : null),
    [cell],
  )
  useEffect(() => {
    if (!picture) return
    const { rgba, width, height } = picture
    canvas.current?.getContext('2d')?.putImageData(new ImageData(rgba, width, height), 0, 0)
  }, [picture])
  if (!picture) return null
  return (
    <span className={classes['thumb']}>
      <canvas ref={canvas} width={picture.width} height={picture.height} role="img" aria-label={label} />
    </span>
  )
}

/** One value of a row: cut where it is long, whole on hover. */
export const CellView = memo(function CellView(props: { cell: ShownCell; column: Column; of: Of }) {
  const { t } = useTranslation('data')
  const { cell, column, of } = props
  if (cell === null)
    return (
      <span className={classes['nothing']} title={t('rows.nullText')}>
        {t('rows.null')}
      </span>
    )
  if (column.type === 'image' && typeof cell === 'string') {
    return (
      <span className={classes['pictured']}>
        <Thumbnail of={of} path={cell} />
        <span className={classes['cut']} title={cell}>
          {cell}
        </span>
      </span>
    )
  }
  const text = cellText(cell)
  if (typeof cell === 'object') {
    return (
      <span className={classes['pictured']}>
        <TensorPicture cell={cell} label={t('rows.picture', { column: column.name })} />
        <span className={classes['tensor']} title={wholeText(cell)}>
          {text}
        </span>
      </span>
    )
  }
  return <span title={wholeText(cell)}>{text}</span>
})
