import { expect, type Locator, type Page } from '@playwright/test'
import type { Theme } from '../desktop'

/** What is around every page: navigation, task centre, palette, notifications, theme. */
export class Shell {
  constructor(readonly page: Page) {}

  get navigation(): Locator {
    return this.page.getByRole('navigation')
  }

  get status(): Locator {
    return this.page.getByRole('contentinfo')
  }

  /** What a gauge of the status bar shows, in percent. */
  async gauge(name: string): Promise<number> {
    return Number(await this.status.getByRole('meter', { name }).getAttribute('aria-valuenow'))
  }

  get main(): Locator {
    return this.page.getByRole('main')
  }

  /** The heading of the page that is open. */
  title(name: string): Locator {
    return this.page.getByRole('heading', { level: 1, name, exact: true })
  }

  async go(name: string): Promise<void> {
    await this.navigation.getByRole('link', { name, exact: true }).click()
    await this.title(name).waitFor()
  }

  /** By `g` and the letter of a page, which count only soon after each other. */
  async goByKeys(letter: string, name: string): Promise<void> {
    await expect(async () => {
      await this.page.keyboard.press('g')
      await this.page.keyboard.press(letter)
      await expect(this.title(name)).toBeVisible({ timeout: 2_000 })
    }).toPass()
  }

  get tasksButton(): Locator {
    return this.page.getByRole('button', { name: /^Tasks/ })
  }

  get taskCentre(): Locator {
    return this.page.getByRole('dialog', { name: 'Tasks' })
  }

  /** The newest import of a file or folder of that name. */
  task(source: string): Locator {
    return this.taskCentre.getByRole('listitem').filter({ hasText: source }).first()
  }

  async openTasks(): Promise<void> {
    if (!(await this.taskCentre.isVisible())) await this.tasksButton.click()
    await this.taskCentre.waitFor()
  }

  async closeTasks(): Promise<void> {
    await this.page.keyboard.press('Escape')
    await this.taskCentre.waitFor({ state: 'hidden' })
  }

  get palette(): Locator {
    return this.page.getByRole('dialog', { name: /^(Search or run a command|搜索或运行命令)$/ })
  }

  /** Runs what the palette finds first. */
  async command(text: string): Promise<void> {
    await this.page.keyboard.press('ControlOrMeta+K')
    await this.palette.getByRole('textbox').fill(text)
    await this.palette.getByRole('button', { name: text }).first().click()
    await this.palette.waitFor({ state: 'hidden' })
  }

  /** By the switch in the header, in either language. */
  async setTheme(theme: Theme): Promise<void> {
    const name = { light: /light theme|浅色主题/, dark: /dark theme|深色主题/ }[theme]
    const button = this.page.getByRole('banner').getByRole('button', { name })
    // The switch names the other theme: where it names this one, it has to be pressed.
    if (await button.isVisible()) await button.click()
    await this.page.locator(`html[data-mantine-color-scheme="${theme}"]`).waitFor()
  }

  /** Messages at the corner of the window. */
  notice(text: string | RegExp): Locator {
    return this.page.getByRole('alert').filter({ hasText: text })
  }
}
