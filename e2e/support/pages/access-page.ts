import type { Locator, Page } from '@playwright/test'

/** Who may use the system: apps and people, their keys, the policies. */
export class AccessPage {
  constructor(readonly page: Page) {}

  get people(): Locator {
    return this.page.getByRole('grid', { name: 'Apps and people' })
  }

  detail(name: string): Locator {
    return this.page.getByRole('complementary', { name: `Details of ${name}` })
  }

  /** Adds an app that may run one model, as `label` names it in the list. @returns its key, which is shown once */
  async addApp(app: { name: string; model: string; label: RegExp }): Promise<string> {
    await this.page.getByRole('main').getByRole('button', { name: 'Add app' }).first().click()
    const dialog = this.page.getByRole('dialog', { name: 'Add an app' })
    await dialog.getByRole('textbox', { name: 'Name', exact: true }).fill(app.name)
    await dialog.getByRole('combobox', { name: 'Run these models' }).fill(app.model)
    await this.page.getByRole('option', { name: app.label }).click()
    await this.page.keyboard.press('Escape')
    await dialog.getByText('valid', { exact: true }).waitFor()
    await dialog.getByRole('button', { name: 'Add app' }).click()
    const shown = this.page.getByRole('dialog', { name: `The key of ${app.name}` })
    const key = (await shown.getByText(/^lla_\S+$/).textContent()) ?? ''
    await shown.getByRole('button', { name: 'Copy key' }).click()
    await shown.getByRole('button', { name: 'I have saved it' }).click()
    await shown.waitFor({ state: 'hidden' })
    return key
  }

  /** Makes another key, for some actions only; the details are open. @returns the key, which is shown once */
  async makeKey(name: string, actions: readonly string[]): Promise<string> {
    await this.detail(name).getByRole('button', { name: 'New key' }).click()
    const dialog = this.page.getByRole('dialog', { name: `New key for ${name}` })
    for (const action of actions) {
      await dialog.getByRole('combobox', { name: 'Only for' }).fill(action)
      await this.page.getByRole('option', { name: action, exact: true }).click()
    }
    await dialog.getByRole('combobox', { name: 'Only for' }).press('Escape')
    await dialog.getByRole('button', { name: 'Make key' }).click()
    const shown = this.page.getByRole('dialog', { name: `The key of ${name}` })
    const key = (await shown.getByText(/^lla_\S+$/).textContent()) ?? ''
    await shown.getByRole('button', { name: 'Copy key' }).click()
    await shown.getByRole('button', { name: 'I have saved it' }).click()
    await shown.waitFor({ state: 'hidden' })
    return key
  }

  /** Sets limits by the labels of their fields; the details are open. */
  async setLimits(name: string, fields: Record<string, string>): Promise<void> {
    await this.detail(name).getByRole('button', { name: 'Change the limits' }).click()
    const dialog = this.page.getByRole('dialog', { name: `Limits of ${name}` })
    for (const [label, value] of Object.entries(fields))
      await dialog.getByRole('textbox', { name: label, exact: true }).fill(value)
    await dialog.getByRole('button', { name: 'Save' }).click()
    await dialog.waitFor({ state: 'hidden' })
  }

  /** Sets how much a principal may store, in GB; its details are open. */
  async setQuota(name: string, gigabytes: string): Promise<void> {
    await this.detail(name).getByRole('button', { name: 'Set a limit' }).click()
    const dialog = this.page.getByRole('dialog', { name: `How much ${name} may store` })
    await dialog.getByRole('textbox', { name: 'Limit' }).fill(gigabytes)
    await dialog.getByRole('button', { name: 'Save' }).click()
    await dialog.waitFor({ state: 'hidden' })
  }
}
