import type { Locator, Page } from '@playwright/test'

/** What runs models: a card for each runtime, what is loaded, and the runtimes of third parties. */
export class RuntimesPage {
  constructor(readonly page: Page) {}

  card(name: string): Locator {
    return this.page.getByRole('region', { name, exact: true })
  }

  /** The rows of what is loaded, without the head. */
  get engines(): Locator {
    const grid = this.page.getByRole('grid', { name: 'Loaded models' })
    return grid.getByRole('row').filter({ has: this.page.getByRole('gridcell') })
  }

  plugin(name: string): Locator {
    return this.card('Runtimes of third parties').getByRole('listitem', { name, exact: true })
  }

  async unload(model: string, version: number): Promise<void> {
    await this.page.getByRole('button', { name: `Unload ${model} version ${version}` }).click()
    await this.page.getByRole('dialog').getByRole('button', { name: 'Unload', exact: true }).click()
  }

  /** Opens what it would be able to do. */
  async ask(name: string): Promise<Locator> {
    await this.page.getByRole('button', { name: `Allow ${name}` }).click()
    const dialog = this.page.getByRole('dialog', { name: `Allow ${name}?` })
    await dialog.waitFor()
    return dialog
  }

  async disallow(name: string): Promise<void> {
    await this.page.getByRole('button', { name: `Disallow ${name}` }).click()
    await this.page.getByRole('dialog').getByRole('button', { name: 'Disallow', exact: true }).click()
  }
}
