import { app, type BrowserWindow, Menu, type MenuItemConstructorOptions } from 'electron'
import { menuTexts } from './menu-texts'

/** What a right click offers where text is selected or written: Electron brings no such menu. */
export function offerTextMenu(window: BrowserWindow): void {
  const labels = menuTexts(app.getLocale())
  window.webContents.on('context-menu', (_event, { isEditable, selectionText, editFlags }) => {
    if (!isEditable && selectionText === '') return
    const copy: MenuItemConstructorOptions = { role: 'copy', label: labels.copy, enabled: editFlags.canCopy }
    Menu.buildFromTemplate(
      isEditable
        ? [
            { role: 'cut', label: labels.cut, enabled: editFlags.canCut },
            copy,
            { role: 'paste', label: labels.paste, enabled: editFlags.canPaste },
            { type: 'separator' },
            { role: 'selectAll', label: labels.selectAll },
          ]
        : [copy],
    ).popup({ window })
  })
}
