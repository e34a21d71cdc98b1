import { Button } from '@mantine/core'
import classes from './components.module.css'

interface ListFootProps {
  /** What the list holds, or why there is no more. */
  words: string
  /** The way to more; null: there is none. */
  more: { label: string; loading?: boolean; load: () => void } | null
}

/** Below a list that does not hold everything. */
export function ListFoot({ words, more }: ListFootProps) {
  return (
    <div className={classes['listFoot']}>
      <span role="status">{words}</span>
      {more && (
        // Not disabled while it loads: it keeps the focus.
        <Button size="compact-sm" variant="default" aria-busy={more.loading} onClick={more.load}>
          {more.label}
        </Button>
      )}
    </div>
  )
}
