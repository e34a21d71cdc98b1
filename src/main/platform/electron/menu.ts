import { app, Menu } from 'electron'
import { menuTemplate } from './menu-template'
import { menuTexts } from './menu-texts'

/** The menus in the language of the system. */
export function setMenu(): void {
  const { isPackaged } = app
  const template = menuTemplate(menuTexts(app.getLocale()), {
    isMac: process.platform === 'darwin',
    isPackaged,
  })
  Menu.setApplicationMenu(Menu.buildFromTemplate(template))
}
