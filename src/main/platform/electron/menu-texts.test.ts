import { expect, it } from 'vitest'
import { menuTexts } from './menu-texts'

it('says every word of the menus in Chinese where the system does, and in English elsewhere', () => {
  for (const locale of ['zh-CN', 'zh'])
    for (const [name, text] of Object.entries(menuTexts(locale)))
      expect(text, name).toMatch(/^\p{Script=Han}+( LLMAgentOS)?$/u)
  for (const locale of ['en-US', 'de', '']) expect(menuTexts(locale).file).toBe('File')
})
