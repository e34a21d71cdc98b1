import { IconPackageImport } from '@tabler/icons-react'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { asksForReview, importDropped } from '../../lib/imports'
import classes from './shell.module.css'

/** A part of a page that takes files itself carries this attribute. */
const OWN_DROP = '[data-own-drop]'

function isOurs(event: DragEvent): boolean {
  const own = event.target instanceof Element && event.target.closest(OWN_DROP)
  return !own && (event.dataTransfer?.types.includes('Files') ?? false)
}

/** Makes the whole window a drop target, and says so while something is dragged over it. */
export function DropOverlay() {
  const { t } = useTranslation('shell')
  const [over, setOver] = useState(false)
  useEffect(() => {
    // Enter and leave fire for every element that is crossed; the depth tells when the window itself is left.
    let depth = 0
    const onEnter = (event: DragEvent) => {
      if (!event.dataTransfer?.types.includes('Files')) return
      depth++
      setOver(isOurs(event))
    }
    const onLeave = () => {
      depth = Math.max(0, depth - 1)
      if (depth === 0) setOver(false)
    }
    const onOver = (event: DragEvent) => {
      if (!event.dataTransfer?.types.includes('Files')) return
      // Without this the browser would open the file instead.
      event.preventDefault()
      event.dataTransfer.dropEffect = 'copy'
      setOver(isOurs(event))
    }
    const onDrop = (event: DragEvent) => {
      depth = 0
      setOver(false)
      if (!event.dataTransfer || !isOurs(event)) return
      event.preventDefault()
      void importDropped(event.dataTransfer, { review: asksForReview('dropped') })
    }
    window.addEventListener('dragenter', onEnter)
    window.addEventListener('dragleave', onLeave)
    window.addEventListener('dragover', onOver)
    window.addEventListener('drop', onDrop)
    return () => {
      window.removeEventListener('dragenter', onEnter)
      window.removeEventListener('dragleave', onLeave)
      window.removeEventListener('dragover', onOver)
      window.removeEventListener('drop', onDrop)
    }
  }, [])
  if (!over) return null
  return (
    <div className={classes['drop']} role="status">
      <div className={classes['dropCard']}>
        <IconPackageImport size={34} stroke={1.4} aria-hidden="true" />
        <strong>{t('dropTitle')}</strong>
        <span>{t('dropText')}</span>
      </div>
    </div>
  )
}
