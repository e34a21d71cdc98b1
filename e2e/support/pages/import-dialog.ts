import type { Locator, Page } from '@playwright/test'

/** The dialogs of imports: where they begin, and where one is reviewed. */
export class ImportDialog {
  constructor(readonly page: Page) {}

  get start(): Locator {
    return this.page.getByRole('dialog', { name: 'Import', exact: true })
  }

  /** What waits for an answer; with several its title counts them. */
  get review(): Locator {
    return this.page.getByRole('dialog', { name: /^Review import/ })
  }

  /** How one ended, and what would help. */
  get ended(): Locator {
    return this.page.getByRole('dialog', { name: 'About this import' })
  }

  get findings(): Locator {
    return this.page.getByRole('dialog').getByRole('list', { name: 'Findings' }).getByRole('listitem')
  }

  async open(): Promise<void> {
    await this.page.getByRole('main').getByRole('button', { name: 'Import model' }).first().click()
    await this.start.waitFor()
  }

  async chooseFiles(paths: string[]): Promise<void> {
    const chooser = this.page.waitForEvent('filechooser')
    await this.start.getByRole('button', { name: 'Choose files…' }).click()
    await (await chooser).setFiles(paths)
  }

  async hub(address: string): Promise<void> {
    await this.start.getByRole('textbox', { name: 'Repository or its address' }).fill(address)
    await this.start.getByRole('button', { name: 'Download' }).click()
  }

  get name(): Locator {
    return this.review
      .getByRole('combobox', { name: 'Name' })
      .or(this.review.getByLabel('Name', { exact: true }))
      .first()
  }

  get madeFrom(): Locator {
    return this.review.getByRole('combobox', { name: 'Made from' })
  }

  get version(): Locator {
    return this.review.getByRole('textbox', { name: 'Version', exact: true })
  }

  get family(): Locator {
    return this.review.getByLabel('Family', { exact: true }).first()
  }
}
