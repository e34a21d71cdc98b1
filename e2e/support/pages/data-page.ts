import type { Locator, Page } from '@playwright/test'

/** The page of one data set: its rows and columns, its versions, where it came from. */
export class DataPage {
  constructor(
    readonly page: Page,
    readonly name: string,
  ) {}

  get title(): Locator {
    return this.page.getByRole('heading', { level: 1, name: `Data ${this.name}`, exact: true })
  }

  async open(): Promise<void> {
    await this.page.getByRole('grid', { name: 'Data sets' }).getByText(this.name, { exact: true }).click()
    await this.title.waitFor()
  }

  panel(name: string): Locator {
    return this.page.getByRole('region', { name, exact: true })
  }

  get grid(): Locator {
    return this.page.getByRole('grid', { name: 'Rows' })
  }

  /** A row by its number, from 0; only those in sight are there. */
  row(number: number): Locator {
    return this.grid.locator(`[aria-rowindex="${number + 2}"]`)
  }

  get thumbnails(): Locator {
    return this.panel('Thumbnails').getByRole('img')
  }

  column(name: string): Locator {
    return this.panel(`Column ${name}`)
  }

  get lineage(): Locator {
    return this.panel('Where it came from')
  }

  async remove(version: number): Promise<void> {
    await this.page.getByRole('button', { name: `Actions for version ${version}` }).click()
    await this.page.getByRole('menuitem', { name: `Delete version ${version}…` }).click()
    await this.page
      .getByRole('dialog')
      .getByRole('button', { name: `Delete version ${version}` })
      .click()
  }
}
