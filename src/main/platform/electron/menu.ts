import { app, Menu, type MenuItemConstructorOptions } from 'electron'
import { menuTexts } from './menu-texts'

/** The roles a person expects; the rest of the commands live in the window's palette. */
export function setMenu(): void {
  const texts = menuTexts(app.getLocale())
  const item = (role: Exclude<keyof typeof texts, 'file' | 'edit' | 'view'>): MenuItemConstructorOptions => ({
    role,
    label: texts[role],
  })
  const line: MenuItemConstructorOptions = { type: 'separator' }
  const isMac = process.platform === 'darwin'
  Menu.setApplicationMenu(
    Menu.buildFromTemplate([
      ...(isMac ? [{ role: 'appMenu' } as const] : []),
      { label: texts.file, submenu: [item(isMac ? 'close' : 'quit')] },
      {
        label: texts.edit,
        submenu: [
          item('undo'),
          item('redo'),
          line,
          item('cut'),
          item('copy'),
          item('paste'),
          item('delete'),
          line,
          item('selectAll'),
        ],
      },
      {
        label: texts.view,
        submenu: [
          item('resetZoom'),
          item('zoomIn'),
          item('zoomOut'),
          line,
          item('togglefullscreen'),
          ...(app.isPackaged ? [] : [item('reload'), item('toggleDevTools')]),
        ],
      },
      {
        // On macOS the system adds the windows to it.
        role: 'window',
        label: texts.window,
        submenu: [item('minimize'), item('zoom'), ...(isMac ? [line, item('front')] : [item('close')])],
      },
    ]),
  )
}
