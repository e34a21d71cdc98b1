import { Menu } from '@mantine/core'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import classes from './components.module.css'

/** What can be done with a row, in a menu at the pointer or below the row of the cursor. */
export function RowMenu(props: { at: { x: number; y: number }; onClose: () => void; children: ReactNode }) {
  const { t } = useTranslation('common')
  return (
    <Menu opened onChange={(opened) => !opened && props.onClose()} position="bottom-start" offset={0}>
      <Menu.Target>
        <button
          type="button"
          tabIndex={-1}
          aria-label={t('rowMenu')}
          className={classes['menuPoint']}
          style={{ left: props.at.x, top: props.at.y }}
        />
      </Menu.Target>
      <Menu.Dropdown>{props.children}</Menu.Dropdown>
    </Menu>
  )
}
