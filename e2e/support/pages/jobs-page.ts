import type { Locator, Page } from '@playwright/test'

/** The queue: rows, their menus, and one job in detail. */
export class JobsPage {
  constructor(readonly page: Page) {}

  get rows(): Locator {
    return this.page.getByRole('grid', { name: 'Jobs' }).getByRole('row')
  }

  /** The row of a job by its name, which must be the only one of that name. */
  row(name: string): Locator {
    const menu = this.page.getByRole('button', { name: `Actions for ${name}`, exact: true })
    return this.rows.filter({ has: menu })
  }

  async choose(name: string, action: string): Promise<void> {
    await this.row(name)
      .getByRole('button', { name: `Actions for ${name}`, exact: true })
      .click()
    await this.page.getByRole('menuitem', { name: action }).click()
  }

  async open(name: string): Promise<Locator> {
    await this.row(name).getByText(name, { exact: true }).click()
    const detail = this.detail(name)
    await detail.waitFor()
    return detail
  }

  detail(name: string): Locator {
    return this.page.getByRole('complementary', { name: `Job ${name}` })
  }

  /** Says yes to the question whether a job is to be cancelled. */
  async confirmCancel(): Promise<void> {
    await this.page.getByRole('dialog').getByRole('button', { name: 'Cancel the job' }).click()
  }
}
