import type { MenuItemConstructorOptions } from 'electron'
import type { menuTexts } from './menu-texts'

type Texts = ReturnType<typeof menuTexts>
/** What the texts call a role; Electron's own words for the others would be English. */
type Role = Exclude<keyof Texts, 'file' | 'edit' | 'view' | 'speech'>

/** The roles a person expects of a program of the system; the rest of the commands live in the window's palette. */
export function menuTemplate(
  texts: Texts,
  { isMac, isPackaged }: { isMac: boolean; isPackaged: boolean },
): MenuItemConstructorOptions[] {
  const item = (role: Role): MenuItemConstructorOptions => ({ role, label: texts[role] })
  const line: MenuItemConstructorOptions = { type: 'separator' }
  const appMenu: MenuItemConstructorOptions = {
    // Whatever its label, macOS calls it by the name of the program.
    role: 'appMenu',
    submenu: [
      item('about'),
      line,
      item('services'),
      line,
      item('hide'),
      item('hideOthers'),
      item('unhide'),
      line,
      item('quit'),
    ],
  }
  const speech: MenuItemConstructorOptions = {
    label: texts.speech,
    submenu: [item('startSpeaking'), item('stopSpeaking')],
  }
  return [
    ...(isMac ? [appMenu] : []),
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
        ...(isMac ? [item('pasteAndMatchStyle')] : []),
        item('delete'),
        ...(isMac ? [item('selectAll'), line, speech] : [line, item('selectAll')]),
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
        ...(isPackaged ? [] : [item('reload'), item('toggleDevTools')]),
      ],
    },
    {
      // On macOS the system adds the windows to it.
      role: 'window',
      label: texts.window,
      submenu: [item('minimize'), item('zoom'), ...(isMac ? [line, item('front')] : [item('close')])],
    },
  ]
}
