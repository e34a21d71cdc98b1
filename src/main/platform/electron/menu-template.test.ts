import type { MenuItemConstructorOptions } from 'electron'
import { expect, it } from 'vitest'
import { menuTemplate } from './menu-template'
import { menuTexts } from './menu-texts'

/** All items that do something, of all menus. */
function itemsOf(menu: readonly MenuItemConstructorOptions[]): MenuItemConstructorOptions[] {
  return menu.flatMap((item) => (Array.isArray(item.submenu) ? itemsOf(item.submenu) : [item]))
}

const menu = (locale: string, isMac: boolean) => menuTemplate(menuTexts(locale), { isMac, isPackaged: true })

it('on macOS there is what its people expect in the menus of the program and for editing', () => {
  const roles = itemsOf(menu('en', true)).map(({ role }) => role)
  for (const role of ['about', 'services', 'hide', 'hideOthers', 'unhide', 'quit'] as const)
    expect(roles.filter((it) => it === role)).toEqual([role])
  expect(roles).toEqual(
    expect.arrayContaining(['pasteAndMatchStyle', 'startSpeaking', 'stopSpeaking', 'front']),
  )
})

it('elsewhere there is nothing that only macOS can do', () => {
  const roles = itemsOf(menu('en', false)).map(({ role }) => role)
  for (const role of [
    'services',
    'hide',
    'hideOthers',
    'unhide',
    'startSpeaking',
    'stopSpeaking',
    'front',
  ] as const)
    expect(roles).not.toContain(role)
  expect(roles.filter((role) => role === 'quit')).toHaveLength(1)
})

it.each([true, false])('no item is left to the English words of Electron (macOS: %s)', (isMac) => {
  for (const { type, role, label } of itemsOf(menu('zh-CN', isMac)))
    if (type !== 'separator') expect(label, role).toMatch(/\p{Script=Han}/u)
})
