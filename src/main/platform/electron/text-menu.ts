import { app, type BrowserWindow, Menu, type MenuItemConstructorOptions } from 'electron'

const LABELS = {
  en: { cut: 'Cut', copy: 'Copy', paste: 'Paste', selectAll: 'Select all' },
  zh: { cut: '剪切', copy: '复制', paste: '粘贴', selectAll: '全选' },
}

/** What a right click offers where text is selected or written: Electron brings no such menu. */
export function offerTextMenu(window: BrowserWindow): void {
  const labels = app.getLocale().startsWith('zh') ? LABELS.zh : LABELS.en
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
